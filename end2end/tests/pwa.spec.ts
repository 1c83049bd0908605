import { chromium } from '@playwright/test';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from '../support/story';

// Installability is told in a persistent context only.
test('installable by Chromium\'s own check, and an offline page when there is no line', async ({ start, launchOptions }) => {
  const server = await start({});
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'noren-profile-'));
  const context = await chromium.launchPersistentContext(profile, { ...launchOptions, headless: true });
  try {
    const page = await context.newPage();
    await page.goto(server.url);
    await expect(page.locator('html[data-hydrated]')).toBeAttached();
    const devtools = await context.newCDPSession(page);
    const manifest = await devtools.send('Page.getAppManifest');
    expect(manifest.errors).toEqual([]);
    const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
    expect(installabilityErrors).toEqual([]);
    const { shortcuts } = JSON.parse(manifest.data!);
    for (const { url } of shortcuts) expect((await context.request.get(server.url + url)).status()).toBe(200);

    await page.waitForFunction(() => navigator.serviceWorker?.ready.then((r) => r.active?.state === 'activated'));
    const kept = await page.evaluate(async () => {
      const urls: string[] = [];
      for (const name of await caches.keys()) for (const request of await (await caches.open(name)).keys()) urls.push(new URL(request.url).pathname);
      return urls;
    });
    expect(kept.filter((url) => url.startsWith('/live') || url.startsWith('/api') || url === '/')).toEqual([]);
    await server.down('SIGKILL');
    await page.goto(`${server.url}/desk`);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(/offline|line|reach/i);
    await server.up();
    await page.goto(server.url);
    await expect(page.locator('html[data-hydrated]')).toBeAttached();
  } finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
});
