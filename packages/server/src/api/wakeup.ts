/** Lets one waiter sleep until it is woken. Who is woken before it sleeps does not fall asleep. */
export class Wakeup {
  private isWoken = false;
  private resolve: (() => void) | null = null;

  wake(): void {
    if (this.resolve === null) {
      this.isWoken = true;
      return;
    }
    this.resolve();
    this.resolve = null;
  }

  async wait(): Promise<void> {
    if (!this.isWoken) {
      await new Promise<void>((resolve) => {
        this.resolve = resolve;
      });
    }
    this.isWoken = false;
  }
}
