import net from 'node:net';

/**
 * A TCP relay between browsers and a server, whose lines can be frozen, cut and resumed.
 * The browser's own offline switch leaves open WebSockets untouched, so it proves nothing about lost lines.
 */
export class Relay {
  private readonly server: net.Server;
  private readonly pairs = new Set<[net.Socket, net.Socket]>();
  private state: 'open' | 'frozen' | 'cut' = 'open';

  private constructor(private targetPort: number) {
    this.server = net.createServer((near) => {
      if (this.state === 'cut') {
        near.destroy();
        return;
      }
      const far = net.connect(this.targetPort, '127.0.0.1');
      const pair: [net.Socket, net.Socket] = [near, far];
      this.pairs.add(pair);
      const end = () => {
        this.pairs.delete(pair);
        near.destroy();
        far.destroy();
      };
      for (const [from, to] of [[near, far], [far, near]] as const) {
        from.on('data', (bytes) => to.write(bytes));
        // A clean end is passed on as one, so that the other side can tell a page that left from a line that broke.
        from.on('end', () => to.end());
        from.on('close', end);
        from.on('error', end);
      }
      if (this.state === 'frozen') this.hold(pair);
    });
  }

  static async to(targetPort: number): Promise<Relay> {
    const relay = new Relay(targetPort);
    await new Promise<void>((done) => relay.server.listen(0, '127.0.0.1', done));
    return relay;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Points new connections at another server. */
  retarget(port: number) {
    this.targetPort = port;
  }

  private hold([near, far]: [net.Socket, net.Socket]) {
    near.pause();
    far.pause();
  }

  /** Nothing passes, but every line seems to stand: the way a train enters a tunnel. */
  freeze() {
    this.state = 'frozen';
    this.pairs.forEach((pair) => this.hold(pair));
  }

  /** Every line breaks and no new one is made. */
  cut() {
    this.state = 'cut';
    for (const [near, far] of [...this.pairs]) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /** Lines pass again; what was frozen goes on where it stopped. */
  resume() {
    this.state = 'open';
    this.pairs.forEach(([near, far]) => {
      near.resume();
      far.resume();
    });
  }

  async close() {
    this.cut();
    await new Promise<void>((done) => this.server.close(() => done()));
  }
}
