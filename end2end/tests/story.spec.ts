import { expect, PASSWORD, test } from '../support/story';

test('sign up, register, go online: seen by two others, one on a phone, one without JavaScript', async ({ person }) => {
  const ana = await person();
  await ana.goto('/');
  await ana.page.getByRole('link', { name: 'Sign in' }).click();
  await ana.page.getByRole('link', { name: 'Sign up' }).click();
  const main = ana.page.getByRole('main');
  await main.getByLabel('Display name').fill('Ana Lindqvist');
  await main.getByLabel('E-mail address').fill('ana@example.org');
  await main.getByLabel('Password').fill('short');
  await main.getByRole('button', { name: 'Sign up' }).click();
  await expect(main.getByText('At least 12 characters', { exact: false }).last()).toBeVisible();
  await expect(main.getByLabel('Display name')).toHaveValue('Ana Lindqvist');
  await main.getByLabel('Password').fill(PASSWORD);
  await main.getByRole('button', { name: 'Sign up' }).click();
  await expect(ana.page.getByRole('link', { name: /Account of Ana/ })).toBeVisible();
  await ana.hydrated();

  await ana.goto('/offers/new');
  await main.getByRole('textbox', { name: 'Title' }).fill('Spanish conversation');
  await expect(ana.page.getByLabel('Preview').getByText('Spanish conversation')).toBeVisible();
  await main.getByLabel('Description').fill('At your level.\nWith patience.');
  await main.getByLabel('Category').selectOption('languages');
  await main.getByLabel('Español').check({ force: true });
  await main.getByLabel('chat').check({ force: true });
  await main.getByLabel('Rate a minute').fill('a lot');
  await main.getByRole('button', { name: 'Register' }).click();
  await expect(main.locator('#offer-rate_minor-wrong')).toHaveText(/Enter an amount of this currency/);
  await expect(main.getByRole('textbox', { name: 'Title' })).toHaveValue('Spanish conversation');
  await main.getByLabel('Rate a minute').fill('1.20');
  await main.getByRole('button', { name: 'Register' }).click();
  await expect(ana.page).toHaveURL(/\/desk$/);

  const phone = await person({ viewport: { width: 390, height: 844 } });
  await phone.goto('/');
  const plain = await person({ javaScriptEnabled: false });
  await plain.page.goto(`${plain.base}/`);
  await expect(phone.page.locator('li[data-offer]')).toHaveCount(0);
  await ana.page.getByRole('button', { name: 'Go online' }).click();
  const card = phone.page.locator('li[data-offer][data-presence="online"]');
  await expect(card).toContainText('Spanish conversation');
  await expect(card).toContainText('€1.20');
  await plain.page.reload();
  await expect(plain.page.locator('li[data-offer][data-presence="online"]')).toContainText('Spanish conversation');
  await expect(ana.page.getByRole('button', { name: 'Go offline' })).toBeVisible();
  await ana.page.getByRole('button', { name: 'Go offline' }).click();
  await expect(card).toHaveCount(0);
});

test('a slow press is not lost when a message goes', async ({ person }) => {
  const ana = await person();
  await ana.page.clock.install();
  await ana.goto('/sign-up');
  const main = ana.page.getByRole('main');
  const button = main.getByRole('button', { name: 'Sign up' });
  await main.getByLabel('Display name').fill('Ana');
  await main.getByLabel('E-mail address').fill('ana@example.org');
  await main.getByLabel('Password').fill('short');
  await button.click();
  await expect(main.locator('#sign-up-password-wrong')).toHaveText(/At least 12 characters/);
  await expect(main.getByLabel('Password')).toBeFocused();
  // The field was left by the press on the button; that judgement comes first, so that the next one falls into the next press.
  await ana.page.clock.runFor(1_000);
  await main.getByLabel('Password').fill(PASSWORD);
  await button.hover();
  await ana.page.mouse.down();
  await ana.page.clock.runFor(2_000);
  await ana.page.mouse.up();
  await expect(ana.page.getByRole('link', { name: /Account of Ana/ })).toBeVisible();
});

test('the whole way without JavaScript', async ({ person }) => {
  const zoe = await person({ javaScriptEnabled: false });
  const { page } = zoe;
  await page.goto(`${zoe.base}/sign-up?next=/offers/new`);
  await page.getByLabel('Display name').fill('Zoe');
  await page.getByLabel('E-mail address').fill('zoe at example');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign up' }).click();
  await expect(page.locator('#sign-up-email-wrong')).toHaveText(/This is not an e-mail address/);
  await expect(page.getByLabel('Display name')).toHaveValue('Zoe');
  await expect(page.getByLabel('Password')).toHaveValue('');
  await page.getByLabel('E-mail address').fill('zoe@example.org');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign up' }).click();
  await expect(page).toHaveURL(/\/offers\/new$/);
  await page.getByRole('textbox', { name: 'Title' }).fill('Knitting, <unravelled>');
  await page.getByLabel('Description').fill('Bring your wool.</textarea>');
  await page.getByLabel('Category').selectOption('arts');
  await page.getByRole('button', { name: 'Register' }).click();
  await expect(page.locator('#offer-languages-wrong')).toHaveText('Choose at least one language.');
  await expect(page.getByRole('textbox', { name: 'Title' })).toHaveValue('Knitting, <unravelled>');
  await expect(page.getByLabel('Description')).toHaveValue('Bring your wool.</textarea>');
  await page.getByLabel('English').check({ force: true });
  await page.getByLabel('chat').check({ force: true });
  await page.getByLabel('Rate a minute').fill('0');
  await page.getByRole('button', { name: 'Register' }).click();
  await expect(page).toHaveURL(/\/desk$/);
  // Searches by text pass over `noscript`, which is what is shown here.
  expect(await page.content()).toContain('going online is proved for 30 s');
  await page.getByRole('button', { name: 'Go online' }).click();
  await expect(page.getByRole('button', { name: 'Go offline' })).toBeVisible();
  const ben = await person();
  await ben.goto('/');
  await expect(ben.page.locator('li[data-offer]')).toContainText('Knitting, <unravelled>');
  await page.getByRole('button', { name: 'Go offline' }).click();
  await expect(ben.page.locator('li[data-offer]')).toHaveCount(0);
});

test('one whole story by keyboard only', async ({ person, isMobile }) => {
  test.skip(!!isMobile, 'a phone has no keyboard');
  const ana = await person();
  await ana.signUp('Ana');
  const { page } = ana;
  const tabTo = async (name: string | RegExp, role: 'button' | 'link' | 'textbox' | 'combobox' | 'checkbox' | 'radio') => {
    const target = page.getByRole(role, { name }).first();
    await expect(target).toBeAttached();
    for (let presses = 0; presses < 80; presses++) {
      await page.keyboard.press('Tab');
      if (await target.evaluate((node) => node === document.activeElement)) return;
    }
    throw new Error(`the keyboard does not reach ${role} ${name}`);
  };
  await ana.goto('/offers/new');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await tabTo('Title', 'textbox');
  await page.keyboard.type('Spanish conversation');
  await tabTo('Description', 'textbox');
  await page.keyboard.type('At your level.');
  await tabTo('Category', 'combobox');
  await page.keyboard.type('Lang');
  await tabTo('English', 'checkbox');
  await page.keyboard.press('Space');
  await tabTo('chat', 'checkbox');
  await page.keyboard.press('Space');
  await tabTo('Rate a minute', 'textbox');
  await page.keyboard.type('1.20');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/desk$/);
  await tabTo('Go online', 'button');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Go offline' })).toBeVisible();
  const ben = await person();
  await ben.goto('/');
  await expect(ben.page.locator('li[data-presence="online"]')).toBeVisible();
  await tabTo('Go offline', 'button');
  await page.keyboard.press('Enter');
  await expect(ben.page.locator('li[data-offer]')).toHaveCount(0);
});

test('two tabs that revise one offer: the second is told, and nothing typed is lost', async ({ person }) => {
  const ana = await person();
  await ana.signUp('Ana');
  const offer = await ana.register('Spanish conversation');
  await ana.goto(`/offers/${offer}/revise`);
  await ana.api('offers/revise', {
    offer, version: '1', title: 'Changed elsewhere', description: 'D', category: 'languages', languages: 'en', media: 'chat', rate_minor: '1', currency: 'EUR',
  });
  await ana.page.getByRole('textbox', { name: 'Title' }).fill('Changed here');
  await ana.page.getByRole('button', { name: 'Save' }).click();
  await expect(ana.page.getByText('This offer was changed in another window', { exact: false })).toBeVisible();
  await expect(ana.page.getByText('Changed elsewhere')).toBeVisible();
  await expect(ana.page.getByRole('textbox', { name: 'Title' })).toHaveValue('Changed here');
  await ana.page.getByRole('button', { name: 'Save' }).click();
  await expect(ana.page).toHaveURL(/\/desk$/);
  await expect(ana.page.getByRole('link', { name: 'Changed here' }).first()).toBeVisible();
});

test('the demo: one click to be somebody, and a board that lives', async ({ start, person }) => {
  const server = await start({ demo: true });
  const kaz = await person({ base: server.url });
  await kaz.goto('/sign-in');
  await kaz.page.getByRole('button', { name: 'Try it as a consumer' }).click();
  await expect(kaz.page.locator('.demo-banner')).toBeVisible();
  await expect(kaz.page.getByRole('link', { name: /Account of Kaz/ })).toBeVisible();
  await kaz.hydrated();
  await kaz.goto('/');
  await expect(kaz.page.locator('li[data-presence="online"]').first()).toBeVisible();
  await kaz.page.evaluate(() => {
    const w = window as unknown as { moved: number };
    w.moved = 0;
    new MutationObserver((changes) => (w.moved += changes.filter((c) => c.target instanceof Element && c.target.closest('ul')).length)).observe(
      document.querySelector('main')!, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-presence'] });
  });
  await kaz.page.waitForFunction(() => (window as unknown as { moved: number }).moved > 0, undefined, { timeout: 30_000 });
});
