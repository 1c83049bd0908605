// The choices as Noren answered them, held in memory as its board is: nothing is read from a disk or a database for a page.
import fs from 'node:fs';

let cards;

/** The first so many, in the order of the page. */
export function first(window) {
  // Not while the build looks at the pages.
  cards ??= JSON.parse(fs.readFileSync(process.env.CHOICES, 'utf8')).cards;
  const rank = (card) => (card.is === 'online' ? 0 : 1);
  const order = (a, b) => rank(a) - rank(b) || b.at - a.at || (a.id < b.id ? -1 : 1);
  const all = cards.toSorted(order);
  return { cards: all.slice(0, window), open: all.filter((card) => card.is === 'online').length, busy: all.filter((card) => card.is === 'busy').length };
}
