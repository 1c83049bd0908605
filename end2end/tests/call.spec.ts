import { accept, begun, flows, heard, live, received, ring, rises, room, say, watchCalls } from '../support/consultation';
import { Person, expect, test } from '../support/story';
import { Turn } from '../support/turn';

/** Two people in a call by this medium, whose lines the story can look into. */
async function call(person: (options?: object) => Promise<Person>, medium: 'voice' | 'video') {
  const [ana, ben] = [await person(), await person()];
  for (const one of [ana, ben]) await watchCalls(one);
  await ring(ana, ben, medium);
  await accept(ana);
  await flows(ana, ben);
  await live(ana, ben);
  return [ana, ben];
}

/** Whether what a person sends as the picture is a screen. */
const shared = (person: Person) =>
  person.page.evaluate(() => {
    const { calls } = window as unknown as { calls: RTCPeerConnection[] };
    const sender = calls.at(-1)!.getSenders().find(({ track }) => track?.kind === 'video');
    return sender?.track?.getSettings().displaySurface !== undefined;
  });

const press = (person: Person, name: string) => person.page.getByRole('button', { name, exact: true }).click();

test('sound and picture flow both ways; mute, camera, screen, sizes, devices, chat', async ({ person }) => {
  test.slow();
  const [ana, ben] = await call(person, 'video');
  for (const one of [ana, ben]) {
    await rises(one, 'frames');
    await rises(one, 'energy');
  }
  await say(ana, '¿Qué tal?');
  await heard(ben, '¿Qué tal?');
  await say(ben, 'Muy bien');
  await heard(ana, 'Muy bien');
  // Muted, the line still proves: bytes go on, and only silence comes.
  await press(ana, 'Mute the microphone');
  await expect(ana.page.getByRole('button', { name: 'Unmute the microphone' })).toHaveAttribute('aria-pressed', 'true');
  await expect
    .poll(async () => {
      const before = (await received(ben)).energy;
      await rises(ben, 'bytes');
      return (await received(ben)).energy - before;
    })
    .toBeLessThan(0.000_1);
  await press(ana, 'Unmute the microphone');
  await rises(ben, 'energy');
  // The camera goes off and on, the screen takes its place, and neither begins a new call.
  await press(ana, 'Turn the camera off');
  await rises(ben, 'bytes');
  await press(ana, 'Turn the camera on');
  await press(ana, 'Share the screen');
  await expect(ana.page.getByRole('button', { name: 'Stop sharing the screen' })).toHaveAttribute('aria-pressed', 'true');
  await expect.poll(() => shared(ana)).toBe(true);
  await rises(ben, 'frames');
  await press(ana, 'Stop sharing the screen');
  await expect.poll(() => shared(ana)).toBe(false);
  await rises(ben, 'frames');
  // Another microphone while it runs.
  await ana.page.getByText('Devices', { exact: true }).click();
  await ana.page.getByRole('button', { name: /^Microphone: .*2/ }).click();
  await rises(ben, 'energy');
  for (const name of ['Show both pictures at the same size', 'Hide the own picture', 'Show the own picture in the corner']) await press(ben, name);
  await expect(ben.page.locator('.pic')).toHaveAttribute('data-size', 'large');
  expect([await begun(ana), await begun(ben)]).toEqual([1, 1]);
  // To chat and back by voice, without ending.
  await press(ben, 'chat');
  for (const one of [ana, ben]) await expect(room(one)).toHaveAttribute('data-medium', 'chat');
  await press(ana, 'voice');
  for (const one of [ana, ben]) await expect(room(one)).toHaveAttribute('data-medium', 'voice');
  await flows(ana, ben);
  await rises(ben, 'energy');
  await ben.page.getByRole('button', { name: '15 min more' }).click();
  await expect(ana.page.locator('.meter')).toContainText('of 45 min');
  await press(ben, 'End');
  await expect(ana.page.locator('.record-head .lead')).toHaveText('Ben ended it.');
});

test('a reload in a call begins it anew, and both hear each other again', async ({ person }) => {
  const [ana, ben] = await call(person, 'voice');
  await ben.page.reload();
  await ben.hydrated();
  await flows(ben, ana);
  await live(ana, ben);
  for (const one of [ana, ben]) await rises(one, 'energy');
});

test('a call whose connection dies is made anew by itself', async ({ person }) => {
  test.slow();
  const [ana, ben] = await call(person, 'voice');
  await ana.page.evaluate(() => (window as unknown as { calls: RTCPeerConnection[] }).calls.at(-1)!.close());
  await expect(room(ben)).toHaveAttribute('data-flows', 'false');
  await expect.poll(() => begun(ana), { timeout: 40_000 }).toBe(2);
  await flows(ana, ben);
  await live(ana, ben);
  await rises(ben, 'energy');
});

test.describe('through a relay', () => {
  test('everything goes through a real coturn, and goes on after it stood still', async ({ start, person }) => {
    test.slow();
    const turn = await Turn.start();
    const server = await start({ keys: turn.keys() });
    expect(server.command('doctor')).toMatchObject({ status: 0, text: expect.stringContaining('relays, by the names that we make') });
    const [ana, ben] = [await person({ base: server.url }), await person({ base: server.url })];
    for (const one of [ana, ben]) await watchCalls(one);
    await ring(ana, ben, 'video');
    await expect(ana.page.getByRole('alertdialog')).toContainText('Relay reached');
    await accept(ana);
    await flows(ana, ben);
    await live(ana, ben);
    for (const one of [ana, ben]) {
      await rises(one, 'frames');
      await rises(one, 'energy');
      expect((await received(one)).by).toBe('relay');
    }
    turn.pause();
    await expect(room(ben)).toHaveAttribute('data-flows', 'false');
    await say(ben, 'I hear nothing');
    await heard(ana, 'I hear nothing');
    turn.resume();
    await flows(ana, ben);
    await live(ana, ben);
    await turn.stop();
  });

  test('a relay that refuses us is told, and chat goes on', async ({ start, person }) => {
    test.slow();
    const turn = await Turn.start();
    const server = await start({ keys: turn.keys('another secret') });
    expect(server.command('doctor')).toMatchObject({ status: 1, text: expect.stringContaining('refuses the names that we make') });
    const [ana, ben] = [await person({ base: server.url }), await person({ base: server.url })];
    await ring(ana, ben, 'voice');
    await expect(ana.page.getByRole('alertdialog')).toContainText('Relay out of reach');
    await accept(ana);
    await expect(ben.page.getByText('No way for sound and picture to Ana is found yet', { exact: false })).toBeVisible({ timeout: 20_000 });
    await say(ben, 'Can you read me?');
    await heard(ana, 'Can you read me?');
    await ben.page.getByRole('button', { name: 'Go on by chat' }).click();
    await live(ana, ben);
    await say(ana, 'Like a book');
    await heard(ben, 'Like a book');
    await turn.stop();
  });
});

for (const [name, words, fails] of [
  ['permission denied', 'The browser forbids it.', 'NotAllowedError'],
  ['no microphone', 'No such device was found.', 'NotFoundError'],
] as const) {
  test(`${name}: the page says so, and the two go on by chat`, async ({ person }) => {
    const [ana, ben] = [await person(), await person()];
    await ben.context.addInitScript((name) => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', name));
    }, fails);
    await ring(ana, ben, 'voice');
    await accept(ana);
    const trouble = ben.page.locator('.stage .warn');
    await expect(trouble).toContainText(words);
    await trouble.getByRole('button', { name: 'Go on by chat' }).click();
    await live(ana, ben);
    await say(ben, 'So by chat');
    await heard(ana, 'So by chat');
  });
}

test('no camera: the voice goes all the same', async ({ person }) => {
  const [ana, ben] = [await person(), await person()];
  await ben.context.addInitScript(() => {
    const devices = navigator.mediaDevices;
    const real = devices.getUserMedia.bind(devices);
    devices.getUserMedia = (wanted) => (wanted?.video ? Promise.reject(new DOMException('', 'NotFoundError')) : real(wanted));
  });
  for (const one of [ana, ben]) await watchCalls(one);
  await ring(ana, ben, 'video');
  await accept(ana);
  await expect(ben.page.locator('.stage .warn')).toContainText('No such device was found.');
  await flows(ana, ben);
  await live(ana, ben);
  await rises(ana, 'energy');
});
