import { accept, flows, heard, live, received, ring, say, watchCalls } from '../support/consultation';
import { expect, test } from '../support/story';

test.use({ options: { postgres: true, cuttable: true } });

const gone = 'The server cannot reach its database.';

test('a call between two nodes outlives their database, and whoever looks is told what is so', { tag: '@once' }, async ({ person, server }) => {
  test.slow();
  const other = await server.beside();
  try {
    const [ana, ben, cleo] = [await person(), await person({ base: other.url }), await person({ base: other.url })];
    await cleo.signUp('Cleo', 20);
    for (const one of [ana, ben]) await watchCalls(one);
    await ring(ana, ben, 'voice');
    await accept(ana);
    await flows(ana, ben);
    await live(ana, ben);
    await cleo.goto('/');
    await expect(cleo.page.locator('li[data-presence="busy"]')).toBeVisible();

    server.wire!.cut();
    for (const one of [ana, ben]) await expect(one.page.getByText('Go on talking')).toBeVisible({ timeout: 20_000 });
    await expect(cleo.page.getByText(gone)).toBeVisible();
    await expect(cleo.page.locator('li[data-presence="busy"]')).toBeVisible();
    const before = (await received(ben)).bytes;
    await expect.poll(async () => (await received(ben)).bytes).toBeGreaterThan(before);
    // Said now, it is heard as soon as anything can be kept again.
    await say(ben, 'Did we lose it?');
    const late = await cleo.context.newPage();
    await late.goto(`${cleo.base}/wallet`);
    await expect(late.getByText(gone)).toContainText('This page comes back by itself');
    await expect(late.getByRole('link', { name: 'Sign in' })).toHaveCount(0);

    server.wire!.mend();
    for (const one of [ana, ben]) await expect(one.page.getByText('Go on talking')).toBeHidden({ timeout: 20_000 });
    await heard(ana, 'Did we lose it?');
    await live(ana, ben);
    await expect(cleo.page.getByText(gone)).toBeHidden();
    // The page that knew nobody comes back by itself.
    await expect(late.getByRole('heading', { name: 'Your wallet' })).toBeVisible({ timeout: 20_000 });
    await ben.page.getByRole('button', { name: 'End', exact: true }).click();
    for (const one of [ana, ben]) await expect(one.page.locator('.record')).toBeVisible();
    await expect(cleo.page.locator('li[data-presence="online"]')).toBeVisible();
  } finally {
    await other.remove();
  }
});
