import { Relay } from '../support/relay';
import { PASSWORD, expect, test } from '../support/story';

for (const postgres of [false, true]) test.describe(`what a provider does is on every page at that moment, ${postgres ? 'PostgreSQL' : 'SQLite'}`, () => {
  test.use({ options: { postgres } });

  test('a hundred toggles, seen by two others, each committed before it is painted', async ({ person, server }, info) => {
    test.slow();
    const ana = await person();
    await ana.signUp('Ana');
    const offer = await ana.register('Spanish conversation');
    const watchers = [await person(), await person({ viewport: { width: 390, height: 844 } })];
    for (const watcher of watchers) {
      await watcher.goto('/');
      await watcher.page.evaluate((id) => {
        const w = window as unknown as { seen: [string, number][] };
        w.seen = [];
        let last = 'offline';
        const look = () => {
          const now = document.querySelector(`li[data-offer="${id}"]`)?.getAttribute('data-presence') ?? 'offline';
          if (now !== last) {
            last = now;
            requestAnimationFrame(() => w.seen.push([now, Date.now()]));
          }
        };
        new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
      }, offer);
    }
    const delays: number[] = [];
    for (let turn = 0; turn < 100; turn++) {
      const wanted = turn % 2 === 0 ? 'online' : 'offline';
      const at = Date.now();
      const call = wanted === 'online' ? ana.goOnline() : ana.goOffline();
      for (const watcher of watchers) {
        const seen = await watcher.page.waitForFunction((n) => (window as unknown as { seen: [string, number][] }).seen[n], turn);
        const [state, painted] = await seen.jsonValue();
        expect(state).toBe(wanted);
        delays.push(painted - at);
      }
      // A reader that asks the database, not the board, finds the row that was painted.
      const shown = await watchers[0].context.request.post(`${server.url}/api/offers/show`, { form: { offer }, headers: { accept: 'application/json' } });
      expect((await shown.json()).card.is).toBe(wanted);
      await call;
    }
    delays.sort((a, b) => a - b);
    const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))];
    info.annotations.push({ type: 'toggle to paint', description: `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${delays.at(-1)} ms` });
    console.log(`toggle to paint: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${delays.at(-1)} ms`);
  });

  test('a restart of the server loses nothing and reloads nothing', async ({ person, server }) => {
    const ana = await person();
    const offer = await ana.openShop('Spanish conversation');
    const ben = await person();
    await ben.goto('/');
    await expect(ben.card(offer)).toHaveAttribute('data-presence', 'online');
    for (const who of [ana, ben]) await who.page.evaluate(() => ((window as unknown as { mark: number }).mark = 1));
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await server.down(signal);
      await expect(ana.page.locator('[data-line="down"]')).toBeVisible();
      await server.up();
      await expect(ana.page.locator('[data-line="open"]')).toBeVisible();
      await expect(ben.card(offer)).toHaveAttribute('data-presence', 'online');
    }
    await ana.goOffline();
    await expect(ben.card(offer)).toHaveCount(0);
    for (const who of [ana, ben]) expect(await who.page.evaluate(() => (window as unknown as { mark: number }).mark)).toBe(1);
  });

  test('two tabs of one provider: closing one changes nothing, closing the last takes the curtain in', async ({ person }) => {
    const ana = await person();
    const offer = await ana.openDesk('Spanish conversation');
    const second = await ana.context.newPage();
    await second.goto(`${ana.base}/`);
    await expect(ana.page.getByText('2 pages')).toBeVisible();
    await ana.page.getByRole('button', { name: 'Go online' }).click();
    const ben = await person();
    await ben.goto('/');
    await expect(ben.card(offer)).toHaveAttribute('data-presence', 'online');
    await second.close({ runBeforeUnload: true });
    await expect(ana.page.getByText('1 page')).toBeVisible();
    await expect(ben.card(offer)).toHaveAttribute('data-presence', 'online');
    // A reload is no gap either.
    await ana.page.reload();
    await ana.hydrated();
    await expect(ana.page.locator('[data-line="open"]')).toBeVisible();
    await expect(ben.card(offer)).toHaveAttribute('data-presence', 'online');
    await ana.page.goto('about:blank');
    await expect(ben.card(offer)).toHaveCount(0);
  });
});

test.describe('lines that break', () => {
  test('a blip of eight seconds shows nothing, with the defaults', async ({ person, server }) => {
    test.slow();
    const relay = await Relay.to(server.port);
    const ana = await person({ base: relay.url });
    const offer = await ana.openShop('Spanish conversation');
    const ben = await person();
    await ben.goto('/');
    await expect(ben.card(offer)).toHaveAttribute('data-presence', 'online');
    await ben.page.evaluate((id) => {
      const w = window as unknown as { flickers: number };
      w.flickers = 0;
      new MutationObserver(() => {
        if (document.querySelector(`li[data-offer="${id}"]`)?.getAttribute('data-presence') !== 'online') w.flickers++;
      }).observe(document.body, { subtree: true, childList: true, attributes: true });
    }, offer);
    relay.cut();
    await expect(ana.page.getByText(/line lost (8|9|10) s ago/)).toBeVisible({ timeout: 20_000 });
    relay.resume();
    await expect(ana.page.locator('[data-line="open"]')).toBeVisible();
    await expect(ana.page.getByText(/Line lost for \d+ s, nobody noticed/)).toBeVisible();
    expect(await ben.page.evaluate(() => (window as unknown as { flickers: number }).flickers)).toBe(0);
    await relay.close();
  });

  test.describe('with short times', () => {
    test.use({ options: { keys: { 'presence.beat': 300, 'presence.silence': 900, 'presence.line_lost': 900, 'presence.without_page': 1 } } });

    test('a frozen line is a lost one, and the curtain goes out again by itself', async ({ person, server }) => {
      const relay = await Relay.to(server.port);
      const ana = await person({ base: relay.url });
      const offer = await ana.openShop('Spanish conversation');
      const ben = await person();
      await ben.goto('/');
      await expect(ben.card(offer)).toHaveAttribute('data-presence', 'online');
      relay.freeze();
      await expect(ben.card(offer)).toHaveCount(0);
      relay.resume();
      await expect(ben.card(offer)).toHaveAttribute('data-presence', 'online');
      await expect(ana.page.getByText('Back again, curtain out')).toBeVisible();
      await relay.close();
    });

    test('a page whose own code does not run proves nothing', async ({ person }) => {
      const ana = await person();
      const offer = await ana.openShop('Spanish conversation');
      const ben = await person();
      await ben.goto('/');
      await expect(ben.card(offer)).toHaveAttribute('data-presence', 'online');
      const devtools = await ana.context.newCDPSession(ana.page);
      // The browser still answers for the page on the wire; only its code stands still.
      await devtools.send('Debugger.enable');
      await devtools.send('Debugger.pause');
      await expect(ben.card(offer)).toHaveCount(0);
      await devtools.send('Debugger.disable');
      await expect(ben.card(offer)).toHaveAttribute('data-presence', 'online');
    });

    test('a consumer whose line breaks catches up without a reload', async ({ person, server }) => {
      const relay = await Relay.to(server.port);
      const ana = await person();
      const first = await ana.openShop('Spanish conversation');
      const ben = await person({ base: relay.url });
      await ben.goto('/');
      await expect(ben.card(first)).toHaveAttribute('data-presence', 'online');
      await ben.page.evaluate(() => ((window as unknown as { mark: number }).mark = 1));
      relay.cut();
      const second = await ana.register('Portuguese conversation');
      await ana.api('offers/retire', { offer: first });
      relay.resume();
      await expect(ben.card(second)).toHaveAttribute('data-presence', 'online', { timeout: 20_000 });
      await expect(ben.card(first)).toHaveCount(0);
      expect(await ben.page.evaluate(() => (window as unknown as { mark: number }).mark)).toBe(1);
      await relay.close();
    });
  });
});

test('a browser that is signed out from another one says so, and does not try for ever', async ({ person }) => {
  const [ana, phone] = [await person(), await person()];
  await ana.openDesk('Spanish conversation');
  await phone.api('account/sign_in', { email: 'ana@example.org', password: PASSWORD });
  await phone.api('account/revoke', { sign_in: 'others' });
  await expect(ana.page.getByText('This browser was signed out.', { exact: false })).toBeVisible({ timeout: 20_000 });
});
