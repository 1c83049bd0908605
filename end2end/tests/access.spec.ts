import fs from 'node:fs';
import path from 'node:path';
import { axe, fits, screens } from '../support/access';
import { Person, expect, test } from '../support/story';

interface Scene {
  name: string;
  path: (offer: string, provider: string) => string;
  who?: 'provider' | 'stranger';
  act?: (person: Person) => Promise<void>;
}

const submit = (name: string | RegExp) => async ({ page }: Person) => {
  await page.getByRole('main').getByRole('button', { name }).first().click();
  await expect(page.locator('[aria-invalid="true"]').first()).toBeVisible();
};

const scenes: Scene[] = [
  { name: 'choices', path: () => '/' },
  { name: 'choices-empty', path: () => '/?q=nothing+like+it' },
  { name: 'choices-closed', path: () => '/?closed=1' },
  { name: 'offer', path: (offer) => `/offers/${offer}` },
  { name: 'provider', path: (_, provider) => `/providers/${provider}` },
  { name: 'sign-in', path: () => '/sign-in' },
  { name: 'sign-up', path: () => '/sign-up' },
  { name: 'sign-up-errors', path: () => '/sign-up', act: submit(/Sign up|Create/) },
  { name: 'reset', path: () => '/reset/some-token' },
  { name: 'not-found', path: () => '/no/such/page' },
  { name: 'desk-online', path: () => '/desk', who: 'provider' },
  {
    name: 'desk-retire',
    path: () => '/desk',
    who: 'provider',
    act: async ({ page }) => {
      await page.locator('details.confirm summary').first().click();
    },
  },
  { name: 'offer-new', path: () => '/offers/new', who: 'provider' },
  { name: 'offer-new-errors', path: () => '/offers/new', who: 'provider', act: submit(/Register|List/) },
  { name: 'offer-revise', path: (offer) => `/offers/${offer}/revise`, who: 'provider' },
  { name: 'account', path: () => '/account', who: 'provider' },
];

for (const colorScheme of ['light', 'dark'] as const) {
  test(`every page and state is accessible and fits, ${colorScheme}`, async ({ person }, info) => {
    test.slow();
    fs.mkdirSync(screens, { recursive: true });
    const ana = await person({ colorScheme });
    await ana.signUp('Ana Lindqvist');
    const offer = await ana.register('Spanish conversation, at your level');
    await ana.register('Japanese letters read aloud', { languages: 'ja,en', rate_minor: '180', currency: 'JPY', media: 'voice,video', free_seconds: '30' });
    await ana.register('A draft for later', { draft: '1' });
    await ana.goto('/desk');
    await expect(ana.page.locator('[data-line="open"]')).toBeVisible();
    await ana.goOnline('60');
    const bo = await person({ colorScheme });
    await bo.signUp('Bo Closed');
    await bo.register('A closed offer');
    const zoe = await person({ colorScheme });
    const site = await ana.api('account/site');
    for (const scene of scenes) {
      await test.step(scene.name, async () => {
        const who = scene.who === 'provider' ? ana : zoe;
        await who.goto(scene.path(offer, site.me.id));
        await scene.act?.(who);
        await who.page.screenshot({ path: path.join(screens, `${scene.name}-${info.project.name}-${colorScheme}.png`), fullPage: true });
        await axe(who.page);
        await fits(who.page);
      });
    }
    await zoe.page.setViewportSize({ width: 320, height: 700 });
    for (const scene of scenes.filter((s) => s.who !== 'provider' && !s.act)) {
      await zoe.goto(scene.path(offer, site.me.id));
      await fits(zoe.page);
    }
    await ana.goOffline();
    await ana.goto('/desk');
    await ana.page.screenshot({ path: path.join(screens, `desk-offline-${info.project.name}-${colorScheme}.png`), fullPage: true });
    await axe(ana.page);
  });
}
