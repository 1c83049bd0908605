import { Browser, BrowserContext, BrowserContextOptions, Locator, Page, expect, test as base } from '@playwright/test';
import { Server, Options } from './server';

export const PASSWORD = 'three random words';

/** A person with a browser of their own. */
export class Person {
  readonly problems: string[] = [];

  constructor(readonly context: BrowserContext, readonly page: Page, readonly base: string) {
    // Trusted Types are watched in report-only mode for now: their reports are no errors.
    const harmless = /Report Only|report-only/i;
    // Stories cut lines: what could not be fetched is no error of the page, the script of the service worker included.
    const unfetched = /Failed to load resource|net::ERR|WebSocket connection|error occurred when fetching the script/;
    page.on('pageerror', (error) => this.problems.push(`page error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' && !harmless.test(message.text()) && !unfetched.test(message.text())) {
        this.problems.push(`console: ${message.text()}`);
      }
    });
  }

  /** Opens a page and waits until the WASM has taken over. */
  async goto(path: string) {
    await this.page.goto(this.base + path);
    await this.hydrated();
  }

  async hydrated() {
    await expect(this.page.locator('html[data-hydrated]')).toBeAttached();
  }

  card(offer: string): Locator {
    return this.page.locator(`li[data-offer="${offer}"]`);
  }

  /** Calls a server function with the cookies of this browser, as a script does. */
  async api(path: string, form: Record<string, string> = {}) {
    const response = await this.context.request.post(`${this.base}/api/${path}`, { form, headers: { accept: 'application/json' } });
    expect(response.status(), await response.text()).toBe(200);
    return response.json();
  }

  /** Signs up as somebody who can pay, unless told otherwise. */
  async signUp(name: string, euros = 100) {
    await this.api('account/sign_up', { display_name: name, email: `${name.toLowerCase().replace(/\W+/g, '.')}@example.org`, password: PASSWORD });
    if (euros > 0) await this.api('wallet/top_up', { amount: String(euros), currency: 'EUR' });
  }

  async register(title: string, fields: Record<string, string> = {}): Promise<string> {
    const offer = await this.api('offers/register', {
      title,
      description: 'At your level, with patience.',
      category: 'languages',
      languages: 'en,es',
      media: 'chat,voice',
      rate_minor: '120',
      currency: 'EUR',
      free_seconds: '60',
      ...fields,
    });
    return offer.offer;
  }

  /** Signs up as Ana, registers an offer and opens the desk, whose line then stands. */
  async openDesk(title: string, fields: Record<string, string> = {}): Promise<string> {
    await this.signUp('Ana');
    const offer = await this.register(title, fields);
    await this.goto('/desk');
    await expect(this.page.locator('[data-line="open"]')).toBeVisible();
    return offer;
  }

  /** The same, with the curtain out. */
  async openShop(title: string, fields: Record<string, string> = {}): Promise<string> {
    const offer = await this.openDesk(title, fields);
    await this.goOnline();
    return offer;
  }

  async goOnline(minutes = '30') {
    await this.api('presence/go_online', { minutes });
  }

  async goOffline() {
    await this.api('presence/go_offline');
  }
}

export interface World {
  server: Server;
  start(options: Options): Promise<Server>;
  person(options?: BrowserContextOptions & { base?: string }): Promise<Person>;
}

async function openPerson(browser: Browser, base: string, options: BrowserContextOptions): Promise<Person> {
  const context = await browser.newContext(options);
  return new Person(context, await context.newPage(), base);
}

/** A server for each test, as many people as it wants, and no error in any of their consoles. */
export const test = base.extend<World & { options: Options }>({
  options: [{}, { option: true }],
  server: async ({ options }, use) => {
    const server = await Server.start(options);
    await use(server);
    await server.remove();
  },
  start: async ({}, use) => {
    const started: Server[] = [];
    await use(async (options) => {
      const server = await Server.start(options);
      started.push(server);
      return server;
    });
    for (const server of started) await server.remove();
  },
  person: async ({ browser, server, contextOptions }, use) => {
    const people: Person[] = [];
    await use(async (options = {}) => {
      const { base: at, ...context } = options;
      const person = await openPerson(browser, at ?? server.url, { ...contextOptions, ...context });
      people.push(person);
      return person;
    });
    for (const person of people) {
      expect(person.problems).toEqual([]);
      await person.context.close();
    }
  },
});

export { expect };
