import fs from 'node:fs';
import path from 'node:path';
import { axe, fits, screens } from '../support/access';
import { Relay } from '../support/relay';
import { accept, askRobot, flows, live, ring, room, say, silence, silenceable } from '../support/consultation';
import { Person, expect, test } from '../support/story';

test('asked, rung, accepted, chatted, ended, kept', async ({ person }) => {
  const [ana, ben] = [await person(), await person()];
  let proofs = 0;
  ben.page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => (proofs += Number(payload.includes('"proof"')))));
  await ring(ana, ben, 'chat', 'An interview tomorrow: could we practise?');
  await expect(ben.page.getByText('Ana sees your request.')).toBeVisible();
  const panel = ana.page.getByRole('alertdialog');
  await expect(panel).toContainText('An interview tomorrow');
  await expect(panel).toContainText(/(Computer|Phone), Chrome/);
  await accept(ana);
  await live(ana, ben);
  await say(ben, 'Hola\n<b>Ana</b>');
  await expect(ana.page.getByRole('log')).toContainText('<b>Ana</b>');
  await say(ana, '¡Hola, Ben!');
  await expect(ben.page.getByRole('log')).toContainText('¡Hola, Ben!');
  await expect(ben.page.locator('.msg[data-own="true"] [data-mark]')).toContainText(/delivered|read/);
  // A reload leads back into the room, with everything that was said.
  await ben.page.reload();
  await ben.hydrated();
  await expect(room(ben)).toHaveAttribute('data-stage', 'live');
  await expect(ben.page.getByRole('log')).toContainText('¡Hola, Ben!');
  await say(ben, 'Still here');
  await expect(ana.page.getByRole('log')).toContainText('Still here');
  expect(proofs, 'a proof must not lead to the next').toBeLessThan(20);
  await ana.page.getByRole('button', { name: 'End', exact: true }).click();
  await expect(ana.page.locator('.record-head .lead')).toHaveText('You ended it.');
  await expect(ben.page.locator('.record-head .lead')).toHaveText('Ana ended it.');
  // What was concluded after the page was read is there without a reload.
  await expect(ben.page.locator('.record')).toContainText('Kept unchanged under');
  await ben.page.reload();
  const record = ben.page.locator('.record');
  await expect(record).toContainText('Still here');
  await expect(record).toContainText('Kept unchanged under');
  const download = ben.page.waitForEvent('download');
  await record.getByRole('link', { name: 'Save it as a text file' }).click();
  const text = fs.readFileSync(await (await download).path(), 'utf8');
  expect(text).toContain('Ana: ¡Hola, Ben!');
  expect(text).toContain('You: Still here');
  expect(text).toContain('Ana ended it.');
  await expect(record.getByRole('link', { name: 'Ask again' })).toBeVisible();
  await ben.goto('/consultations');
  await expect(ben.page.getByRole('main')).toContainText('Ana');
});

test('declining is free and tells why', async ({ person }) => {
  const [ana, ben] = [await person(), await person()];
  await ring(ana, ben, 'voice');
  await ana.page.getByRole('alertdialog').getByRole('button', { name: 'Not my field' }).click();
  await expect(ben.page.locator('.record-head .lead')).toContainText('this is not my field');
  await expect(ana.page.getByRole('alertdialog')).toBeHidden();
  await ben.goto('/');
  await expect(ben.page.locator('li[data-presence="online"]')).toBeVisible();
});

test('a request that is taken back stops ringing, and a reload of the caller does not', async ({ person }) => {
  const [ana, ben] = [await person(), await person()];
  await ring(ana, ben, 'chat');
  await expect(ana.page.getByRole('alertdialog')).toBeVisible();
  await ben.page.reload();
  await ben.hydrated();
  await expect(ben.page.getByText('Ana sees your request.')).toBeVisible();
  await ben.page.getByRole('button', { name: 'Cancel' }).click();
  await expect(ben.page.locator('.record-head .lead')).toContainText('You took the request back.');
  await expect(ana.page.getByRole('alertdialog')).toBeHidden();
});

test('a line that freezes and a server that is killed lose and double nothing', async ({ person, server }) => {
  const relay = await Relay.to(server.port);
  const [ana, ben] = [await person(), await person({ base: relay.url })];
  await ring(ana, ben, 'chat');
  await accept(ana);
  await live(ana, ben);
  relay.freeze();
  await say(ben, 'Into the tunnel');
  await expect(ben.page.locator('.msg[data-pending]')).toBeVisible();
  await say(ana, 'Are you there?');
  relay.resume();
  await expect(ana.page.getByRole('log')).toContainText('Into the tunnel');
  await expect(ben.page.getByRole('log')).toContainText('Are you there?');
  await server.down('SIGKILL');
  await say(ben, 'While it was away');
  await server.up();
  await expect(ana.page.getByRole('log')).toContainText('While it was away', { timeout: 20_000 });
  for (const one of [ana, ben]) {
    await expect(room(one)).toHaveAttribute('data-stage', 'live', { timeout: 20_000 });
    await expect(one.page.locator('.msg')).toHaveCount(3);
  }
  await relay.close();
});

test('a second tab asks before it goes on there', async ({ person }) => {
  const [ana, ben] = [await person(), await person()];
  await ring(ana, ben, 'chat');
  await accept(ana);
  await live(ana, ben);
  const second = await ben.context.newPage();
  await second.goto(ben.page.url());
  await expect(second.getByText('goes on in another page of yours', { exact: false })).toBeVisible();
  await second.getByRole('button', { name: 'Continue here' }).click();
  await expect(ben.page.getByText('goes on in another page of yours', { exact: false })).toBeVisible();
  await second.getByLabel('Write a message').fill('From the second tab');
  await second.getByRole('button', { name: 'Send' }).click();
  await expect(ana.page.getByRole('log')).toContainText('From the second tab');
});

test.describe('with short times', () => {
  test.use({ options: { keys: { 'consultations.prove': 500, 'consultations.join': 3_000, 'consultations.interrupted': 30_000 } } });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`every state of a consultation is accessible and fits, ${colorScheme}`, async ({ person }, info) => {
      test.slow();
      fs.mkdirSync(screens, { recursive: true });
      const [ana, ben] = [await person({ colorScheme }), await person({ colorScheme })];
      const look = async (who: Person, name: string) => {
        await who.page.screenshot({ path: path.join(screens, `${name}-${info.project.name}-${colorScheme}.png`), fullPage: true });
        await axe(who.page);
        await fits(who.page);
      };
      await silenceable(ben);
      const offer = await ana.openShop('Spanish conversation', { media: 'chat,voice,video' });
      await ben.signUp('Ben');
      await ben.goto(`/offers/${offer}/ask`);
      await expect(ben.page.getByRole('region', { name: 'Environments' })).toContainText('You, as it will be sent');
      await ben.page.getByLabel('video', { exact: true }).check({ force: true });
      await ben.page.getByRole('button', { name: 'Try them here' }).click();
      await expect(ben.page.locator('.check-live video')).toBeVisible();
      // Looked at in every frame: the beep is short, and a look a second can miss it for good.
      await ben.page.waitForFunction(() => (document.querySelector('.check-live meter') as HTMLMeterElement | null)?.value);
      await look(ben, 'ask');
      await ben.page.getByRole('button', { name: 'Stop trying' }).click();
      const { consultation } = await ben.api('consultations/request', { offer, medium: 'video', question: 'How do I say this?' });
      await ben.goto(`/consultations/${consultation}`);
      await expect(ben.page.getByText('Ana sees your request.')).toBeVisible();
      await look(ben, 'calling');
      await look(ana, 'ring');
      await accept(ana);
      await flows(ana, ben);
      await live(ana, ben);
      await say(ana, 'Hola, Ben');
      await expect(ben.page.getByRole('log')).toContainText('Hola, Ben');
      await look(ben, 'room-video');
      await ben.page.getByRole('button', { name: 'voice', exact: true }).click();
      for (const one of [ana, ben]) await expect(room(one)).toHaveAttribute('data-medium', 'voice');
      await look(ana, 'room-voice');
      await ben.page.getByRole('button', { name: 'chat', exact: true }).click();
      for (const one of [ana, ben]) await expect(room(one)).toHaveAttribute('data-medium', 'chat');
      await look(ana, 'room-chat');
      await silence(ben, true);
      await expect(room(ana)).toHaveAttribute('data-stage', 'interrupted');
      await look(ana, 'room-interrupted');
      await silence(ben, false);
      await live(ana, ben);
      await ana.page.getByRole('button', { name: 'End', exact: true }).click();
      await expect(ben.page.locator('.record')).toBeVisible();
      await look(ben, 'record');
      await ben.goto('/consultations');
      await look(ben, 'past');
    });
  }
});

test('a robot of the demo answers a ring, changes to chat and answers what is said', async ({ start, person }) => {
  test.slow();
  const server = await start({ demo: true });
  const ben = await person({ base: server.url });
  await ben.signUp('Ben');
  const prepare = async () => {
    await ben.page.getByLabel('Question').fill('Where do I begin?');
    await expect(ben.page.getByRole('region', { name: 'Environments' })).toContainText('You, as it will be sent');
  };
  await askRobot(ben, prepare, { board: '/?medium=voice' });
  await expect(room(ben)).toHaveAttribute('data-medium', 'chat');
  await expect(ben.page.getByRole('log')).toContainText('You asked: “Where do I begin?”');
  await say(ben, 'And then?');
  await expect(ben.page.locator('.typing')).toContainText('is typing');
  await expect(ben.page.getByRole('log')).toContainText('I read “And then?”');
  await expect(ben.page.locator('.msg[data-own="true"] [data-mark]')).toContainText('read');
  await ben.page.getByRole('button', { name: 'End', exact: true }).click();
  await expect(ben.page.locator('.record-head .lead')).toHaveText('You ended it.');
});

test('a provider practises with a robot: ring, room, chat, and it leaves by itself', async ({ person }) => {
  test.slow();
  const ana = await person();
  const offer = await ana.openShop('Spanish conversation');
  await ana.page.getByRole('button', { name: 'Ring me with a robot' }).click();
  const panel = ana.page.getByRole('alertdialog');
  await expect(panel).toContainText('Practice robot asks');
  await expect(panel).toBeFocused();
  // By keyboard alone: the first stop is to accept.
  await ana.page.keyboard.press('Tab');
  await expect(panel.getByRole('button', { name: 'Accept' })).toBeFocused();
  await ana.page.keyboard.press('Enter');
  await live(ana);
  await expect(ana.page.getByRole('log')).toContainText('Hello! I am a robot');
  for (const [text, answer] of [['Welcome', 'say that more simply'], ['So it goes', 'One more, and I leave'], ['Look here', 'Good bye']] as const) {
    await ana.page.getByLabel('Write a message').fill(text);
    await ana.page.keyboard.press('Enter');
    await expect(ana.page.getByRole('log')).toContainText(answer);
  }
  await say(ana, 'Good bye');
  await expect(ana.page.locator('.record-head .lead')).toHaveText('Practice robot ended it.', { timeout: 20_000 });
  const { card } = await ana.api('offers/show', { offer });
  expect(card).toMatchObject({ is: 'online' });
  expect(card.ans).toBeUndefined();
});

test('without JavaScript whoever wants to ask, or comes into a room, is told what is needed', async ({ person }) => {
  const [ana, ben] = [await person(), await person({ javaScriptEnabled: false })];
  const offer = await ana.openShop('Spanish conversation');
  await ben.signUp('Ben');
  // Searches by text pass over `noscript`, which is what is shown here.
  await ben.page.goto(`${ben.base}/offers/${offer}/ask`);
  await expect(ben.page.locator('noscript .warn')).toContainText('Asking needs JavaScript');
  const { consultation } = await ben.api('consultations/request', { offer, medium: 'chat' });
  await ben.page.goto(`${ben.base}/consultations/${consultation}`);
  await expect(ben.page.locator('noscript .warn')).toContainText('A consultation needs JavaScript');
});
