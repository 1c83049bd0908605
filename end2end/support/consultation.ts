import { Locator } from '@playwright/test';
import { Person, expect } from './story';

export type Medium = 'chat' | 'voice' | 'video';

/** Ana's curtain is out, and Ben asks for her by this medium. Answers the offer. */
export async function ring(ana: Person, ben: Person, medium: Medium, question = 'How do I say this?') {
  const offer = await ana.openShop('Spanish conversation', { media: 'chat,voice,video' });
  await ben.signUp('Ben');
  await ask(ben, offer, medium, question);
  return offer;
}

/** Ben asks for an offer of Ana's over its page. */
export async function ask(ben: Person, offer: string, medium: Medium, question = 'How do I say this?') {
  await ben.goto(`/offers/${offer}`);
  await ben.page.getByRole('link', { name: 'Ask Ana' }).click();
  await expect(ben.page.getByRole('heading', { name: 'Ask Ana' })).toBeVisible();
  await ben.hydrated();
  await ben.page.getByLabel('Question').fill(question);
  await ben.page.getByLabel(medium, { exact: true }).check({ force: true });
  const environments = ben.page.getByRole('region', { name: 'Environments' });
  await expect(environments).toContainText('You, as it will be sent');
  await expect(environments).not.toContainText('Not known');
  await expect(ben.page.getByRole('region', { name: 'Conditions' }).locator('dd').first()).toContainText(medium);
  const ringing = ben.page.getByRole('heading', { name: 'Ringing Ana' });
  // What changed meanwhile - Ana's page may just have measured its line - is shown first, and asked for again.
  await expect(async () => {
    if (!(await ringing.isVisible())) await ben.page.getByRole('button', { name: 'Ring Ana' }).click({ timeout: 2_000 });
    await expect(ringing).toBeVisible({ timeout: 3_000 });
  }).toPass({ timeout: 30_000 });
}

/**
 * Ben asks for whatever robot of a demo is online among these cards, and is let in. Robots come and go, also between a board and the page
 * that it led to: what one was about to ask, another one may be asked.
 */
export async function askRobot(ben: Person, prepare: () => Promise<void>, { board = '/', card = '' } = {}) {
  await expect(async () => {
    await ben.goto(board);
    const cards = ben.page.locator('li[data-presence="online"]').filter({ hasText: card });
    await cards.first().getByRole('link', { name: 'See offer' }).click({ timeout: 2_000 });
    await ben.page.getByRole('link', { name: /^Ask / }).click({ timeout: 2_000 });
    await ben.hydrated();
    await prepare();
    await ben.page.getByRole('button', { name: /^Ring / }).click({ timeout: 2_000 });
    await expect(room(ben)).toBeVisible({ timeout: 15_000 });
  }).toPass({ timeout: 90_000 });
  await live(ben);
}

export async function accept(ana: Person) {
  await ana.page.getByRole('alertdialog').getByRole('button', { name: 'Accept' }).click();
  await expect(room(ana)).toBeVisible();
}

export const room = (person: Person): Locator => person.page.locator('.room');

/** Both are in the room and prove it. */
export async function live(...people: Person[]) {
  for (const one of people) await expect(room(one)).toHaveAttribute('data-stage', 'live', { timeout: 30_000 });
}

export async function flows(...people: Person[]) {
  for (const one of people) await expect(room(one)).toHaveAttribute('data-flows', 'true', { timeout: 30_000 });
}

export async function say(person: Person, text: string) {
  await person.page.getByLabel('Write a message').fill(text);
  await person.page.getByRole('button', { name: 'Send' }).click();
}

export const heard = (person: Person, text: string) => expect(person.page.getByRole('log')).toContainText(text);

/** Lets a story look into the calls of this person's pages: call it before they are opened. */
export async function watchCalls(person: Person) {
  await person.context.addInitScript(() => {
    const calls: RTCPeerConnection[] = [];
    Object.assign(window, { calls });
    window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
      construct(target, args) {
        const call = new target(...(args as [RTCConfiguration?]));
        calls.push(call);
        return call;
      },
    });
  });
}

export interface Received {
  bytes: number;
  frames: number;
  energy: number;
  /** How the own side is reached: `host`, `relay`. */
  by: string;
}

/** What the running call of a person has received. */
export async function received(person: Person): Promise<Received> {
  return person.page.evaluate(async () => {
    const { calls } = window as unknown as { calls: RTCPeerConnection[] };
    const sums = { bytes: 0, frames: 0, energy: 0, by: '' };
    const call = calls.filter((call) => call.connectionState !== 'closed' && call.getReceivers().length > 0).at(-1);
    const report = [...((await call?.getStats())?.values() ?? [])];
    for (const entry of report) {
      if (entry.type === 'inbound-rtp') {
        sums.bytes += entry.bytesReceived ?? 0;
        sums.frames += entry.framesDecoded ?? 0;
        sums.energy += entry.totalAudioEnergy ?? 0;
      }
      if (entry.type === 'candidate-pair' && entry.nominated) {
        sums.by = report.find(({ id }) => id === entry.localCandidateId)?.candidateType ?? sums.by;
      }
    }
    return sums;
  });
}

/** Waits until more of something has arrived than before. */
export async function rises(person: Person, what: 'bytes' | 'frames' | 'energy') {
  const before = (await received(person))[what];
  await expect.poll(async () => (await received(person))[what], { timeout: 15_000 }).toBeGreaterThan(before);
}

/** How many calls the page of a person has begun since it was loaded. */
export const begun = (person: Person) => person.page.evaluate(() => (window as unknown as { calls: unknown[] }).calls.length);

/** Lets a story keep a person's pages from proving that they are there: call it before they are opened. */
export async function silenceable(person: Person) {
  await person.context.addInitScript(() => {
    const say = WebSocket.prototype.send;
    WebSocket.prototype.send = function (message) {
      const { silent } = window as unknown as { silent?: boolean };
      if (!(silent && String(message).includes('"proof"'))) say.call(this, message);
    };
  });
}

export const silence = (person: Person, silent: boolean) => person.page.evaluate((silent) => Object.assign(window, { silent }) && undefined, silent);
