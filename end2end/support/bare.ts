import { ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';

interface Answer {
  id?: number;
  result?: Record<string, any>;
  error?: { message: string };
}

/**
 * A page in a browser of its own that nobody drives but by the devtools protocol. Playwright keeps every page in focus and so visible, and a visible page
 * cannot be frozen; here it can.
 */
export class Bare {
  private last = 0;
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private session?: string;

  private constructor(private readonly child: ChildProcess, private readonly profile: string) {
    let rest = '';
    (child.stdio[4] as Readable).on('data', (bytes) => {
      const parts = (rest + bytes).split('\0');
      rest = parts.pop()!;
      for (const part of parts) {
        const answer = JSON.parse(part) as Answer;
        if (answer.id) this.waiting.get(answer.id)?.(answer);
      }
    });
  }

  static async open(): Promise<Bare> {
    const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'noren-bare-'));
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
    const child = spawn(process.env.NOREN_CHROMIUM ?? '/usr/bin/chromium', [...flags, `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const bare = new Bare(child, profile);
    const { targetId } = await bare.call('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await bare.call('Target.attachToTarget', { targetId, flatten: true });
    bare.session = sessionId;
    return bare;
  }

  private call(method: string, params: object = {}): Promise<Record<string, any>> {
    const id = (this.last += 1);
    return new Promise((done, failed) => {
      this.waiting.set(id, ({ result, error }) => (error ? failed(new Error(`${method}: ${error.message}`)) : done(result!)));
      (this.child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...(this.session && { sessionId: this.session }) })}\0`);
    });
  }

  async goto(url: string) {
    await this.call('Page.navigate', { url });
  }

  /** The value of an expression in the page, once it has one. */
  async value<T>(expression: string): Promise<T> {
    for (;;) {
      const { result } = await this.call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
      if (result.value !== undefined && result.value !== null) return result.value;
      await new Promise((soon) => setTimeout(soon, 50));
    }
  }

  /** As a phone does with a page that nobody looks at: no timer, no message and no script runs until it is thawed. */
  async freeze(frozen: boolean) {
    await this.call('Page.setWebLifecycleState', { state: frozen ? 'frozen' : 'active' });
  }

  async close() {
    const ended = new Promise<void>((done) => this.child.once('exit', () => done()));
    // The browser's own children write into the profile too: all of them end.
    process.kill(-this.child.pid!, 'SIGKILL');
    await ended;
    try {
      fs.rmSync(this.profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    } catch {
      // One of them was still writing; a temporary folder that stays behind is no fault of what is tested.
    }
  }
}
