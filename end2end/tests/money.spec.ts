import fs from 'node:fs';
import path from 'node:path';
import { axe, fits } from '../support/access';
import { accept, askRobot, flows, live, ring, room, say, silence, silenceable } from '../support/consultation';
import { Person, expect, test } from '../support/story';

const screens = path.resolve('screens');

/** A receipt as both sides can save it. */
interface Receipt {
  number: number;
  parties: { consumer: string; provider: string };
  rate: { minor: number };
  free_seconds: number;
  proved: number;
  total: { minor: number; asset: string };
  stretches: { time: { from: number; to: number }; why: string }[];
}

async function receiptOf(person: Person, consultation: string): Promise<{ receipt: Receipt; hash: string }> {
  const response = await person.context.request.get(`${person.base}/consultations/${consultation}/receipt.json`);
  expect(response.status()).toBe(200);
  return response.json();
}

/** It is over for both, and the bill is made: that is a moment later. */
async function settled(person: Person) {
  await expect(person.page.locator('.record')).toBeVisible();
  await expect(person.page.getByRole('link', { name: 'Receipt' })).toBeVisible();
}

const consultationOf = (person: Person) => new URL(person.page.url()).pathname.split('/')[2]!;
const euros = (minor: number) => `€${(minor / 100).toFixed(2)}`;
const balance = async (person: Person) => (await person.api('wallet/show')).balances[0];

test.describe('with short times', () => {
  test.use({ options: { keys: { 'consultations.prove': 500, 'consultations.join': 3_000, 'consultations.interrupted': 30_000 } } });

  test('top up in place, ring, talk, watch the cost, end, receipt: both see the same figures', async ({ person, server }) => {
    test.slow();
    const [ana, ben] = [await person(), await person()];
    const offer = await ana.openShop('Spanish conversation', { media: 'chat', rate_minor: '6000', free_seconds: '2' });
    await ben.signUp('Ben', 0);
    await ben.goto(`/offers/${offer}/ask`);
    // Too little money is told before anybody is rung, and what was typed stays.
    await ben.page.getByLabel('Question').fill('Why is it so dear?');
    await ben.page.getByLabel('At most, in minutes').selectOption('10');
    const wallet = ben.page.getByRole('region', { name: 'Your wallet' });
    await expect(wallet).toContainText('can cost up to €598.00');
    // Ana's page may just have measured its line: then the conditions are shown anew first.
    await expect(async () => {
      await ben.page.getByRole('button', { name: 'Ring Ana' }).click();
      await expect(ben.page.locator('#ask')).toContainText('Your wallet does not cover this much', { timeout: 2_000 });
    }).toPass();
    await expect(ana.page.getByRole('alertdialog')).toBeHidden();
    // What is proposed fits into the wallet, also when something else was typed before.
    await expect(wallet.getByLabel('Amount')).toHaveValue('200.00');
    await expect(wallet).toContainText('At most €200.00 more fits into your wallet: choose less time.');
    await wallet.getByLabel('Amount').fill('598');
    await wallet.getByRole('button', { name: 'Top up' }).click();
    await expect(wallet).toContainText('This is more than a wallet may hold here');
    await wallet.getByLabel('Amount').fill('200');
    await wallet.getByRole('button', { name: 'Top up' }).click();
    await expect(wallet).toContainText('It covers 3 min');
    await expect(wallet).toContainText('Your wallet is full: choose less time.');
    await expect(ben.page.getByLabel('Question')).toHaveValue('Why is it so dear?');
    await ben.page.getByLabel('At most, in minutes').evaluate((select: HTMLSelectElement) => {
      // Less than the page offers: what a careful person would ask for.
      select.options[0]!.value = '3';
      select.value = '3';
      select.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await expect(wallet).toContainText('Up to €178.00 of it is reserved');
    await expect(async () => {
      await ben.page.getByRole('button', { name: 'Ring Ana' }).click({ timeout: 2_000 });
      await expect(ben.page.getByRole('heading', { name: 'Ringing Ana' })).toBeVisible({ timeout: 2_000 });
    }).toPass();
    await accept(ana);
    await live(ana, ben);
    expect((await balance(ben)).held.minor).toBe(17_800);
    // Both see it run, by the same clock.
    for (const one of [ana, ben]) {
      await expect(one.page.locator('[data-cost]')).not.toHaveText('€0.00');
      await expect(one.page.locator('[data-left]')).toContainText('left');
    }
    await say(ben, 'I see it count');
    await ben.page.getByRole('button', { name: 'End', exact: true }).click();
    for (const one of [ana, ben]) await settled(one);
    await ben.page.getByRole('link', { name: 'Receipt' }).click();
    await expect(ben.page.locator('.receipt')).toContainText('Second by second');
    const id = consultationOf(ben);
    const [own, theirs] = [await receiptOf(ben, id), await receiptOf(ana, id)];
    expect(own).toEqual(theirs);
    // A script that knows only the stretches and the rate finds the same bill.
    const { receipt } = own;
    const sum = (why: string) => receipt.stretches.filter((s) => s.why === why).reduce((ms, s) => ms + s.time.to - s.time.from, 0);
    expect(sum('free')).toBe(2_000);
    expect(receipt.total.minor).toBe(Math.floor((6_000 * sum('billed')) / 60_000));
    expect(receipt.total.minor).toBeGreaterThan(0);
    const total = euros(receipt.total.minor);
    await expect(ben.page.locator('.receipt .total')).toContainText(total);
    await ana.goto(`/consultations/${id}/receipt`);
    await expect(ana.page.locator('.receipt .total')).toContainText(total);
    const after = await balance(ben);
    expect([after.available.minor, after.held.minor]).toEqual([20_000 - receipt.total.minor, 0]);
    await ana.goto('/earnings');
    await expect(ana.page.locator('.balances')).toContainText(`${total} pending`);
    // And so says the book.
    const book = server.command('ledger', 'verify');
    expect([book.status, book.text]).toEqual([0, expect.stringContaining('The books are right')]);
    const lines = server.command('ledger', 'export').text.split('\n').filter((line) => line.includes('"kind":"settle"'));
    expect(lines).toHaveLength(1);
    const booked: { minor: number; place: { book: string } }[] = JSON.parse(lines[0]!).entry.lines;
    expect(booked.find((line) => line.place.book === 'pending')?.minor).toBe(receipt.total.minor);
    // A stranger finds none of it.
    const cleo = await person();
    await cleo.signUp('Cleo', 0);
    for (const page of [`/consultations/${id}/receipt`, `/consultations/${id}/receipt.json`]) {
      expect((await cleo.context.request.get(cleo.base + page)).status()).toBe(404);
    }
  });

  test('what is used up pauses, can be raised with one tap, and the pause is not billed', { tag: '@once' }, async ({ person }) => {
    test.slow();
    const [ana, ben] = [await person(), await person()];
    const offer = await ana.openShop('Spanish conversation', { media: 'chat', rate_minor: '1200', free_seconds: '0' });
    await ben.signUp('Ben', 20);
    await ben.goto(`/offers/${offer}/ask`);
    const { consultation } = await ben.api('consultations/request', { offer, medium: 'chat', cap: '1' });
    await ben.goto(`/consultations/${consultation}`);
    await accept(ana);
    await live(ana, ben);
    for (const one of [ana, ben]) await expect(one.page.locator('.warning')).toContainText('used up within a minute');
    for (const one of [ana, ben]) await expect(one.page.locator('.warning')).toContainText('in 10 seconds', { timeout: 60_000 });
    for (const one of [ana, ben]) await expect(room(one)).toHaveAttribute('data-full', 'true', { timeout: 20_000 });
    await expect(ben.page.getByText('Nothing is billed now, and it ends unless you agree to more.')).toBeVisible();
    await expect(ana.page.getByText('unless Ben agrees to more')).toBeVisible();
    await ben.page.getByRole('button', { name: /^15 min more, up to €180.00/ }).click();
    const short = ben.page.locator('.short');
    // What is missing, and no more, is proposed.
    await expect(short).toContainText('Your wallet holds €8.00 to spend; €172.00 is missing');
    await expect(short.getByLabel('Amount')).toHaveValue('172.00');
    for (const one of [ana, ben]) await expect(one.page.locator('[data-cost]')).toHaveText('€12.00');
    await short.getByRole('button', { name: 'Top up' }).click();
    await live(ana, ben);
    await expect(ben.page.getByText('Interrupted')).toHaveCount(0);
    await expect(room(ben)).toHaveAttribute('data-full', 'false');
    await expect(ben.page.getByRole('button', { name: /^15 min more/ })).toBeFocused();
    await say(ben, 'On we go');
    await expect(ana.page.getByRole('log')).toContainText('On we go');
    await expect(ben.page.locator('[data-elapsed]')).toHaveText(/^1:0[2-9]/);
    await ana.page.getByRole('button', { name: 'End', exact: true }).click();
    await settled(ben);
    await expect(ben.page.locator('.record')).toContainText('You raised it to at most 16 min later.');
    await ben.goto(`/consultations/${consultation}/receipt`);
    const { receipt } = await receiptOf(ben, consultation);
    expect(receipt.stretches.map((stretch) => stretch.why)).toContain('paused');
    await expect(ben.page.locator('.stretches')).toContainText('the agreed time was used up');
  });

  test('a frozen line is not billed, a case is opened, and the operator decides', async ({ person, server }) => {
    test.slow();
    const [ana, ben] = [await person(), await person()];
    await silenceable(ben);
    await ring(ana, ben, 'chat');
    await accept(ana);
    await live(ana, ben);
    await expect(ana.page.locator('[data-elapsed]')).toHaveText(/^0:0[2-9]/);
    await silence(ben, true);
    await expect(room(ana)).toHaveAttribute('data-stage', 'interrupted');
    await silence(ben, false);
    await live(ana, ben);
    await expect(ana.page.locator('[data-elapsed]')).toHaveText(/^0:(0[5-9]|[1-9])/);
    await ana.page.getByRole('button', { name: 'End', exact: true }).click();
    await settled(ben);
    const id = consultationOf(ben);
    await ben.goto(`/consultations/${id}/receipt`);
    await expect(ben.page.locator('.stretches')).toContainText('nothing came from the consumer');
    await ben.page.getByText('Something was wrong').click();
    await ben.page.getByRole('button', { name: 'Open a case' }).click();
    await expect(ben.page.locator('#complaint')).toContainText('Please fill this in');
    await ben.page.getByLabel('What was wrong').fill('The line broke.');
    await ben.page.getByRole('button', { name: 'Open a case' }).click();
    await expect(ben.page.locator('.case')).toContainText('The line broke.');
    // The page was loaded anew: what was done is said there, and the keyboard goes on from it.
    await expect(ben.page.getByText('Said. The case stands below.')).toBeFocused();
    await ana.goto('/earnings');
    await expect(ana.page.locator('.moves')).toContainText('A case is open');
    await expect(ben.page.locator('.case')).toHaveAttribute('data-state', 'open');
    const operator = await person();
    await operator.page.goto(server.operatorLink());
    await operator.page.getByLabel('New password').fill('three random words');
    await operator.page.getByRole('button', { name: 'Set it and sign in' }).click();
    await expect(operator.page.getByRole('link', { name: /Account of/ })).toBeVisible();
    await operator.goto('/operator/cases');
    const panel = operator.page.locator('.panel').filter({ hasText: 'Ben about Ana' });
    await panel.getByText('What the server knows').click();
    await expect(panel).toContainText('proofs of the consumer');
    await expect(panel.locator('.evidence')).toContainText('Not billed: nothing came from the consumer');
    await expect(panel.locator('.evidence')).toContainText('The provider accepted');
    await panel.getByLabel('Reason').fill('The proofs show it: only what both proved was billed.');
    await panel.getByRole('button', { name: 'Decide' }).click();
    await expect(panel.locator('.case')).toHaveAttribute('data-state', 'refused');
    for (const one of [ana, ben]) {
      await one.goto(`/consultations/${id}/receipt`);
      await expect(one.page.locator('.case')).toContainText('The operator says: The proofs show it');
      expect((await one.context.request.get(`${one.base}/api/cases/list`)).status()).toBe(405);
      expect((await one.context.request.post(`${one.base}/api/cases/list`)).status()).toBe(404);
    }
  });
});

test('a robot of the demo is paid: top up, ring, talk, watch the cost, end, receipt', async ({ start, person }) => {
  test.slow();
  const server = await start({ demo: true });
  const ben = await person({ base: server.url });
  await ben.signUp('Ben', 0);
  const wallet = ben.page.getByRole('region', { name: 'Your wallet' });
  let funded = false;
  const prepare = async () => {
    await ben.page.getByLabel('At most, in minutes').selectOption('5');
    if (funded) return;
    await expect(wallet).toContainText('Top it up, or choose less time');
    await wallet.getByLabel('Amount').fill('150');
    await wallet.getByRole('button', { name: 'Top up' }).click({ timeout: 2_000 });
    await expect(wallet).toContainText('Your wallet holds €150.00');
    funded = true;
  };
  await askRobot(ben, prepare, { card: '€' });
  await expect(ben.page.getByRole('log')).toContainText('I am a robot');
  await say(ben, 'Where do I begin?');
  await expect(ben.page.getByRole('log')).toContainText('I read “Where do I begin?”');
  await expect(ben.page.locator('[data-elapsed]')).toHaveText(/^0:(0[8-9]|[1-5])/, { timeout: 20_000 });
  await ben.page.getByRole('button', { name: 'End', exact: true }).click();
  await settled(ben);
  await ben.page.getByRole('link', { name: 'Receipt' }).click();
  await expect(ben.page.locator('.receipt')).toContainText('Both were here for');
  const { receipt } = await receiptOf(ben, consultationOf(ben));
  const billed = Math.max(0, receipt.proved - receipt.free_seconds * 1_000);
  expect(receipt.total.minor).toBe(Math.floor((receipt.rate.minor * billed) / 60_000));
  expect((await balance(ben)).available.minor).toBe(15_000 - receipt.total.minor);
});

test('money that goes while it rings is told to both, and it is nobody’s fault', async ({ person }) => {
  const [ana, ben] = [await person(), await person()];
  const offer = await ana.openShop('Spanish conversation', { media: 'chat', rate_minor: '600', free_seconds: '0' });
  await ben.signUp('Ben', 60);
  const { consultation } = await ben.api('consultations/request', { offer, medium: 'chat', cap: '10' });
  await ben.goto(`/consultations/${consultation}`);
  await expect(ana.page.getByRole('alertdialog')).toBeVisible();
  await ben.api('wallet/refund', { amount: '1', currency: 'EUR' });
  await ana.page.getByRole('alertdialog').getByRole('button', { name: 'Accept' }).click();
  await expect(ana.page.getByRole('alertdialog')).toBeHidden();
  const gone = ana.page.locator('.ring-gone');
  await expect(gone).toContainText('Ben had no money left for this by then, so it was taken back. You missed nothing.');
  await gone.getByRole('button', { name: 'Close' }).click();
  await expect(gone).toBeEmpty();
  await expect(ben.page.locator('.record')).toContainText('Your wallet did not cover this any more');
  await expect(ana.page.locator('[data-presence], .desk').first()).toBeVisible();
});

test('thirty seconds of silence on purpose are billed, twenty of a frozen line are not', { tag: '@once' }, async ({ person }) => {
  test.setTimeout(180_000);
  const [ana, ben] = [await person(), await person()];
  await silenceable(ben);
  await ring(ana, ben, 'voice');
  await accept(ana);
  await flows(ana, ben);
  await live(ana, ben);
  for (const one of [ana, ben]) await one.page.getByRole('button', { name: 'Mute the microphone' }).click();
  await expect(ben.page.locator('[data-elapsed]')).toHaveText(/^0:(3[5-9]|[45])/, { timeout: 60_000 });
  const talked = 30_000;
  await silence(ben, true);
  await expect(room(ana)).toHaveAttribute('data-stage', 'interrupted', { timeout: 30_000 });
  const broke = Date.now();
  await silence(ben, false);
  await live(ana, ben);
  const away = Date.now() - broke;
  const elapsed = async () => {
    const [minutes, seconds] = (await ana.page.locator('[data-elapsed]').innerText()).split(':').map(Number);
    return minutes! * 60 + seconds!;
  };
  const before = await elapsed();
  await expect.poll(elapsed, { timeout: 30_000 }).toBeGreaterThan(before + 7);
  await ana.page.getByRole('button', { name: 'End', exact: true }).click();
  await settled(ben);
  const { receipt } = await receiptOf(ben, consultationOf(ben));
  const sum = (...why: string[]) => receipt.stretches.filter((s) => why.includes(s.why)).reduce((ms, s) => ms + s.time.to - s.time.from, 0);
  expect(sum('free', 'billed')).toBeGreaterThanOrEqual(talked);
  // The line was silent for the fifteen seconds in which it could have come back, and until it did.
  expect(sum('consumer', 'both')).toBeGreaterThanOrEqual(15_000);
  expect(sum('consumer', 'both')).toBeLessThanOrEqual(30_000 + away);
});

test('a wallet: top up, get the unused back, wrong amounts, a statement, and no JavaScript', async ({ person }) => {
  const ben = await person();
  await ben.signUp('Ben', 0);
  await ben.goto('/wallet');
  await expect(ben.page.getByText('It is empty.')).toBeVisible();
  const form = ben.page.locator('#top-up');
  for (const [typed, words] of [['-5', 'above zero'], ['0', 'above zero'], ['1.234', 'above zero'], ['abc', 'above zero'], ['', 'Enter an amount'], ['500', 'more than a wallet may hold']] as const) {
    await form.getByLabel('Amount').fill(typed);
    await form.getByRole('button', { name: 'Top up' }).click();
    await expect(form.locator('.wrong-words').first()).toContainText(words);
    await expect(form.getByLabel('Amount')).toHaveValue(typed);
  }
  await form.getByLabel('Amount').fill('50');
  await form.getByRole('button', { name: 'Top up' }).click();
  await expect(ben.page.locator('.amount')).toHaveText('€50.00');
  await expect(ben.page.getByText('It is on its way into your wallet')).toBeFocused();
  await expect(ben.page.getByText('At most €150.00 more fits into your wallet.')).toBeVisible();
  await ben.hydrated();
  const back = ben.page.locator('#refund-EUR');
  await back.getByLabel('EUR').fill('60');
  await back.getByRole('button', { name: 'Send it back' }).click();
  await expect(back).toContainText('There is not enough money for this');
  await back.getByLabel('EUR').fill('20');
  await back.getByRole('button', { name: 'Send it back' }).click();
  await expect(ben.page.locator('.amount')).toHaveText('€30.00');
  await expect(ben.page.locator('.moves')).toContainText('Sent back to you');
  const table = await (await ben.context.request.get(`${ben.base}/wallet/statement.csv`)).text();
  expect(table.split('\r\n').slice(1, 3).map((line) => line.split(',').slice(1, 6).join())).toEqual(['top_up,,50.00,0.00,EUR', 'withdraw,,-20.00,0.00,EUR']);
  const bare = await person({ javaScriptEnabled: false });
  await bare.api('account/sign_in', { email: 'ben@example.org', password: 'three random words' });
  await bare.page.goto(`${bare.base}/wallet`);
  await bare.page.locator('#top-up').getByLabel('Amount').fill('5');
  await bare.page.getByRole('button', { name: 'Top up' }).click();
  await expect(bare.page.locator('.amount')).toHaveText('€35.00');
  await bare.page.locator('#top-up').getByLabel('Amount').fill('1.234');
  await bare.page.getByRole('button', { name: 'Top up' }).click();
  await expect(bare.page.locator('#top-up')).toContainText('above zero');
  await expect(bare.page.locator('#top-up').getByLabel('Amount')).toHaveValue('1.234');
});

test.describe('looked at', () => {
  test.use({ options: { keys: { 'consultations.prove': 500, 'consultations.join': 3_000 } } });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`every page of money is accessible and fits, ${colorScheme}`, async ({ person, server }, info) => {
      test.slow();
      fs.mkdirSync(screens, { recursive: true });
      const [ana, ben] = [await person({ colorScheme }), await person({ colorScheme })];
      const look = async (who: Person, name: string) => {
        await who.page.screenshot({ path: path.join(screens, `${name}-${info.project.name}-${colorScheme}.png`), fullPage: true });
        await axe(who.page);
        await fits(who.page);
      };
      const offer = await ana.openShop('Spanish conversation', { media: 'chat', rate_minor: '3000', free_seconds: '2' });
      await ben.signUp('Ben', 0);
      await ben.goto('/wallet');
      await look(ben, 'wallet-empty');
      await ben.api('wallet/top_up', { amount: '100', currency: 'EUR' });
      await ben.api('wallet/top_up', { amount_minor: '5000', currency: 'JPY' });
      await ben.goto(`/offers/${offer}/ask`);
      await ben.page.getByLabel('At most, in minutes').selectOption('10');
      await expect(ben.page.getByRole('region', { name: 'Your wallet' })).toContainText('can cost up to');
      await look(ben, 'ask-short');
      const { consultation } = await ben.api('consultations/request', { offer, medium: 'chat', cap: '3', question: 'How?' });
      await ben.goto(`/consultations/${consultation}`);
      await accept(ana);
      await live(ana, ben);
      await expect(ben.page.locator('[data-cost]')).toHaveText(/^€[1-9]/, { timeout: 20_000 });
      await look(ben, 'meter');
      await ben.page.getByRole('button', { name: 'End', exact: true }).click();
      await settled(ben);
      await ben.goto(`/consultations/${consultation}/receipt`);
      await look(ben, 'receipt');
      await ana.goto(`/consultations/${consultation}/receipt`);
      await ana.page.getByText('Give something back').click();
      await look(ana, 'receipt-provider');
      await ben.page.getByText('Something was wrong').click();
      await ben.page.getByLabel('What was wrong').fill('It was too short.');
      await ben.page.getByRole('button', { name: 'Open a case' }).click();
      await expect(ben.page.locator('.case')).toBeVisible();
      await look(ben, 'receipt-case');
      await ben.goto('/wallet');
      await look(ben, 'wallet');
      await ana.goto('/earnings');
      await look(ana, 'earnings');
      await ana.goto('/trust');
      await look(ana, 'trust');
      const operator = await person({ colorScheme });
      await operator.page.goto(server.operatorLink());
      await operator.page.getByLabel('New password').fill('three random words');
      await operator.page.getByRole('button', { name: 'Set it and sign in' }).click();
      await expect(operator.page.getByRole('link', { name: /Account of/ })).toBeVisible();
      await operator.goto('/operator/cases');
      await look(operator, 'cases');
    });
  }
});
