import { expect, test } from '../support/story';

test('filters stand in the address and hold against live changes', async ({ person }) => {
  const ana = await person();
  await ana.signUp('Ana');
  const spanish = await ana.register('Spanish conversation');
  const law = await ana.register('Tenancy questions', { category: 'legal', rate_minor: '300' });
  await ana.goto('/desk');
  await expect(ana.page.locator('[data-line="open"]')).toBeVisible();
  const ben = await person();
  await ben.goto('/?category=legal');
  await ana.goOnline();
  await expect(ben.card(law)).toHaveAttribute('data-presence', 'online');
  await expect(ben.card(spanish)).toHaveCount(0);
  await ben.page.getByLabel('Category').selectOption('languages');
  await expect(ben.page).toHaveURL(/category=languages/);
  await expect(ben.card(spanish)).toHaveAttribute('data-presence', 'online');
  await expect(ben.card(law)).toHaveCount(0);
  // A revised offer that no longer matches leaves, one that does comes in.
  const fields = { description: 'D', languages: 'en', media: 'chat', rate_minor: '300', currency: 'EUR', version: '1' };
  await ana.api('offers/revise', { ...fields, offer: law, title: 'Legal English', category: 'languages' });
  await expect(ben.card(law)).toBeVisible();
  await ana.api('offers/revise', { ...fields, offer: spanish, title: 'Spanish law', category: 'legal' });
  await expect(ben.card(spanish)).toHaveCount(0);
  await ben.page.getByLabel('Search').fill('legal english');
  await expect(ben.page).toHaveURL(/q=legal/);
  await expect(ben.card(law)).toBeVisible();
  await ben.page.reload();
  await ben.hydrated();
  await expect(ben.page.getByLabel('Search')).toHaveValue('legal english');
  await expect(ben.card(law)).toBeVisible();
  await expect(ben.card(spanish)).toHaveCount(0);
});

test('nothing moves while somebody reads', async ({ person, isMobile }) => {
  test.skip(!!isMobile, 'a phone has no pointer that rests');
  const ana = await person();
  const first = await ana.openShop('First offer');
  const ben = await person();
  await ben.goto('/');
  await ben.card(first).hover();
  const second = await ana.register('Second offer');
  const button = ben.page.getByRole('button', { name: '1 more opened' });
  await expect(button).toBeVisible();
  await expect(ben.card(second)).toHaveCount(0);
  await ana.goOffline();
  await expect(ben.card(first)).toHaveAttribute('data-presence', 'offline');
  await expect(ben.card(first).getByText('just closed')).toBeVisible();
  await ana.goOnline();
  await expect(ben.card(first)).toHaveAttribute('data-presence', 'online');
  await ben.page.mouse.move(5, 5);
  await expect(ben.card(second)).toBeVisible();
});

test('updates can be paused, and the choice is remembered', async ({ person }) => {
  const ana = await person();
  await ana.signUp('Ana');
  const offer = await ana.register('Spanish conversation');
  const ben = await person();
  await ben.goto('/');
  await ben.page.getByRole('button', { name: 'Pause updates' }).click();
  await expect(ben.page.getByText(/Paused/)).toBeVisible();
  await ben.page.reload();
  await ben.hydrated();
  await expect(ben.page.getByText(/Paused/)).toBeVisible();
  await ana.goto('/desk');
  await expect(ana.page.locator('[data-line="open"]')).toBeVisible();
  await ana.goOnline();
  const eve = await person();
  await eve.goto('/');
  await expect(eve.card(offer)).toBeVisible();
  await expect(ben.card(offer)).toHaveCount(0);
  await ben.page.getByRole('button', { name: /Resume updates/ }).click();
  await expect(ben.card(offer)).toHaveAttribute('data-presence', 'online');
});

test('without JavaScript the page is complete, and current when it is asked again', async ({ person }) => {
  const ana = await person();
  await ana.signUp('Ana');
  const offer = await ana.register('Spanish conversation');
  const zoe = await person({ javaScriptEnabled: false });
  await zoe.page.goto(`${zoe.base}/`);
  await expect(zoe.card(offer)).toHaveCount(0);
  await ana.goOnline();
  await zoe.page.reload();
  await expect(zoe.card(offer)).toHaveAttribute('data-presence', 'online');
  await zoe.page.getByLabel('Category').selectOption('legal');
  await zoe.page.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(zoe.page).toHaveURL(/category=legal/);
  await expect(zoe.card(offer)).toHaveCount(0);
  await zoe.page.goto(`${zoe.base}/`);
  await zoe.card(offer).getByRole('heading').getByRole('link').click();
  await expect(zoe.page.getByRole('heading', { level: 1, name: 'Spanish conversation' })).toBeVisible();
});

test('the window follows the board, and what lies beyond it is a number', async ({ person }) => {
  test.slow();
  const people = await Promise.all([0, 1].map(async (n) => {
    const ana = await person();
    await ana.signUp(`Ana ${n}`);
    for (let at = 0; at < 35; at++) await ana.register(`Offer ${n} ${at}`);
    await ana.goOnline();
    return ana;
  }));
  const ben = await person();
  // From here on everything comes over the stream: the board is read again for a wider window only.
  let reads = 0;
  ben.page.on('request', (request) => { if (request.url().includes('/api/choices/view')) reads++; });
  await ben.goto('/');
  const cards = ben.page.locator('#choices li[data-offer]');
  await expect(cards).toHaveCount(60);
  await expect(ben.page.getByText('Show more (10 more are here)')).toBeVisible();
  await people[0].register('One more');
  await expect(ben.page.getByText('Show more (11 more are here)')).toBeVisible();
  await people[1].goOffline();
  await expect(cards).toHaveCount(36);
  await expect(ben.page.locator('.counts')).toContainText('36 open now');
  await expect(ben.page.getByText('Show more')).toBeHidden();

  // What was before somebody's eyes stays true, though others opened above it.
  await cards.first().getByRole('link', { name: 'See offer' }).focus();
  await people[1].goOnline();
  await expect(ben.page.getByText('35 more opened')).toBeVisible();
  await expect(ben.page.getByText('Show more (11 more are here)')).toBeVisible();
  await people[0].goOffline();
  await expect(ben.page.locator('#choices li[data-presence="offline"]')).toHaveCount(36);
  await ben.page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await expect(cards).toHaveCount(35);
  await expect(ben.page.locator('#choices li[data-presence="online"]')).toHaveCount(35);
  expect(reads).toBe(0);

  await people[0].goOnline();
  await expect(ben.page.getByText('Show more (11 more are here)')).toBeVisible();
  await ben.page.getByText('Show more').click();
  await expect(cards).toHaveCount(71);
  await expect(ben.page).toHaveURL(/show=120/);
  expect(reads).toBe(1);
  // The wider window is kept as the narrow one was.
  await people[0].goOffline();
  await expect(ben.page.locator('.counts')).toContainText('35 open now');
  await ben.page.mouse.move(0, 0);
  await ben.page.evaluate(() => scrollTo(0, 0));
  await expect(cards).toHaveCount(35);
});

test('a filtered list leads on to an offer and back', async ({ person }) => {
  const [ana, ben] = [await person(), await person()];
  await ana.openShop('Spanish conversation');
  await ben.goto('/?category=languages');
  await ben.page.getByRole('link', { name: 'See offer' }).click();
  await expect(ben.page.getByRole('heading', { level: 1, name: 'Spanish conversation' })).toBeVisible();
  await ben.page.goBack();
  await expect(ben.page.getByRole('heading', { name: 'Ask someone who is here now.' })).toBeVisible();
  await expect(ben.page).toHaveURL(/category=languages/);
});
