import AxeBuilder from 'axe-core';
import path from 'node:path';
import { Page, expect } from '@playwright/test';

/** Where pictures of all pages are left, to be looked at. */
export const screens = path.resolve(import.meta.dirname, '../screens');

/** axe by `evaluate`: the page's policy lets no foreign script in. */
export async function axe(page: Page) {
  await page.evaluate(AxeBuilder.source);
  // From the top: a button that has scrolled half under the head is not a small one.
  await page.evaluate(() => scrollTo(0, 0));
  const results = await page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof AxeBuilder }).axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return violations.map((v) => `${v.id}: ${v.help}\n  ${v.nodes.map((n) => n.html).join('\n  ')}`);
  });
  expect(results).toEqual([]);
}

/** Nothing makes the page scroll sideways. */
export async function fits(page: Page) {
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wider, 'nothing is wider than the screen').toBeLessThanOrEqual(0);
}
