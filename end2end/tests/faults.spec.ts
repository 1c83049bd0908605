import { Bare } from '../support/bare';
import { accept, ask, begun, flows, heard, live, received, ring, room, say, silence, silenceable, watchCalls } from '../support/consultation';
import { Relay } from '../support/relay';
import { Locator } from '@playwright/test';
import { Person, expect, test } from '../support/story';

/** Times that make a story short: proofs twice a second, and nobody is waited for long. */
const quick = {
  keys: {
    'consultations.prove': 500,
    'consultations.join': 2_000,
    'consultations.interrupted': 2_000,
    'consultations.answer': 6_000,
    'consultations.wait': 2_000,
    'presence.page_left': 500,
  },
};

/** Presses a button that somebody else may take away at the same moment. */
const press = (button: Locator) => button.click({ timeout: 2_000 }).catch(() => undefined);

/** What a person is told of a consultation that is over. */
const ending = (person: Person) => person.page.locator('.record-head .lead');

test('a line that stands still for five seconds loses nothing, doubles nothing and leaves the call alone', async ({ person, server }) => {
  const relay = await Relay.to(server.port);
  const [ana, ben] = [await person(), await person({ base: relay.url })];
  for (const one of [ana, ben]) await watchCalls(one);
  await ring(ana, ben, 'voice');
  await accept(ana);
  await flows(ana, ben);
  await live(ana, ben);
  relay.freeze();
  const frozen = Date.now();
  await say(ben, 'Into the tunnel');
  await say(ana, 'Are you there?');
  let bytes = (await received(ben)).bytes;
  while (Date.now() - frozen < 5_000) {
    await expect.poll(async () => (await received(ben)).bytes, { message: 'sound goes on while the line stands still' }).toBeGreaterThan(bytes);
    bytes = (await received(ben)).bytes;
  }
  relay.resume();
  await heard(ana, 'Into the tunnel');
  await heard(ben, 'Are you there?');
  for (const one of [ana, ben]) {
    await expect(one.page.locator('.msg')).toHaveCount(2);
    await expect(one.page.locator('.msg[data-pending]')).toHaveCount(0);
    expect(await begun(one)).toBe(1);
  }
  await live(ana, ben);
  await relay.close();
});

test('cancel and accept at the same instant agree', async ({ person }) => {
  const [ana, ben] = [await person(), await person()];
  const offer = await ring(ana, ben, 'chat');
  for (let round = 0; round < 3; round += 1) {
    const yes = ana.page.getByRole('alertdialog').getByRole('button', { name: 'Accept' });
    const no = ben.page.getByRole('button', { name: 'Cancel' });
    await expect(yes).toBeVisible();
    await Promise.all([yes, no].map(press));
    // Whoever was first, both are told the same: it is over, or both are in the room.
    await expect(ana.page.getByRole('alertdialog')).toBeHidden();
    await expect.poll(async () => (await ending(ben).count()) + (await room(ben).and(ben.page.locator('[data-stage="live"]')).count())).toBe(1);
    if (await room(ben).isVisible()) {
      await live(ana, ben);
      await ben.page.getByRole('button', { name: 'End', exact: true }).click();
      await expect(ending(ana)).toHaveText('Ben ended it.');
    }
    await expect(ending(ben)).toHaveText(/You took the request back|You ended it/);
    await ana.goto('/desk');
    await expect(ana.page.locator('[data-line="open"]')).toBeVisible();
    if (round < 2) await ask(ben, offer, 'chat');
  }
});

test('two devices of one provider answer at once: one is in the room, the other is told', async ({ person }) => {
  const [ana, ben, phone] = [await person(), await person(), await person()];
  await ring(ana, ben, 'chat');
  await phone.api('account/sign_in', { email: 'ana@example.org', password: 'three random words' });
  await phone.goto('/');
  const answers = [ana, phone].map((one) => one.page.getByRole('alertdialog').getByRole('button', { name: 'Accept' }));
  for (const answer of answers) await expect(answer).toBeVisible();
  await expect(ben.page.getByText('Reached 2 devices')).toBeVisible();
  await Promise.all(answers.map(press));
  await expect(room(ben)).toHaveAttribute('data-stage', 'live');
  for (const one of [ana, phone]) await expect(one.page.getByRole('alertdialog')).toBeHidden();
  await expect.poll(async () => (await room(ana).count()) + (await room(phone).count())).toBeGreaterThanOrEqual(1);
  const past = await ben.api('consultations/past');
  expect(past).toHaveLength(1);
});

test.describe('with short times', () => {
  test.use({ options: quick });

  test("the provider's last page is closed while it rings: it rings nowhere, and that is told", async ({ person }) => {
    const [ana, ben] = [await person(), await person()];
    await ring(ana, ben, 'chat');
    await expect(ana.page.getByRole('alertdialog')).toBeVisible();
    await ana.page.close();
    await expect(ending(ben)).toHaveText(/It rang nowhere/);
    await ben.goto('/');
    await expect(ben.page.locator('li[data-presence="online"]')).toHaveCount(0);
  });

  test('a page that stops proving interrupts it, nobody is billed, and silence ends it', async ({ person }) => {
    const [ana, ben] = [await person(), await person()];
    await silenceable(ben);
    await ring(ana, ben, 'chat');
    await accept(ana);
    await live(ana, ben);
    await silence(ben, true);
    for (const one of [ana, ben]) await expect(room(one)).toHaveAttribute('data-stage', 'interrupted');
    await expect(ana.page.locator('.story-line')).toContainText('Nothing comes from Ben');
    await expect(ben.page.locator('.story-line')).toContainText('Nothing comes from you');
    await ana.page.getByRole('button', { name: 'Wait some more' }).click();
    await expect(ending(ana)).toHaveText('A line was lost and did not come back.', { timeout: 20_000 });
    await expect(ending(ben)).toHaveText('A line was lost and did not come back.');
  });

  test('a frozen page interrupts it, and goes on when it is thawed; a reload in between changes nothing', async ({ person, server }) => {
    test.slow();
    const ana = await person();
    const offer = await ana.openShop('Spanish conversation');
    const ben = await Bare.open();
    await ben.goto(`${server.url}/healthz`);
    const api = (path: string, form: Record<string, string>) =>
      ben.value<Record<string, string>>(
        `fetch('/api/${path}', { method: 'POST', headers: { accept: 'application/json' }, body: new URLSearchParams(${JSON.stringify(form)}) }).then((a) => a.json().then((json) => json ?? {}))`,
      );
    await expect.poll(() => ben.value('location.pathname')).toBe('/healthz');
    await api('account/sign_up', { display_name: 'Ben', email: 'ben@example.org', password: 'three random words' });
    await api('wallet/top_up', { amount: '100', currency: 'EUR' });
    const { consultation } = await api('consultations/request', { offer, medium: 'chat', question: 'Are you there?' });
    await ben.goto(`${server.url}/consultations/${consultation}`);
    const stage = () => ben.value<string>(`document.querySelector('.room')?.dataset.stage ?? ''`);
    await accept(ana);
    await live(ana);
    await expect.poll(stage).toBe('live');
    await ben.freeze(true);
    await expect(room(ana)).toHaveAttribute('data-stage', 'interrupted');
    await ana.page.reload();
    await ana.hydrated();
    await expect(room(ana)).toHaveAttribute('data-stage', 'interrupted');
    await ben.freeze(false);
    await expect.poll(stage, { timeout: 30_000 }).toBe('live');
    await live(ana);
    await say(ana, 'Good morning');
    await expect.poll(() => ben.value<string>(`document.querySelector('[role=log]').textContent`)).toContain('Good morning');
    await ben.close();
  });
});
