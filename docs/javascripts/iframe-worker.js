// Search in a site that is opened from files, without a server. The theme searches in a
// worker, and browsers refuse workers to pages of `file:` addresses. There, this does
// the same in a hidden frame. (The theme knows by the name of this file that it need
// not fetch such a script from the network.)
if (location.protocol === 'file:') {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.frame = document.createElement('iframe');
      this.frame.hidden = true;
      document.body.append(this.frame);
      this.inside = this.frame.contentWindow;
      this.inside.document.open();
      this.inside.document.write('<!doctype html><title>search</title>');
      this.inside.document.close();
      this.inside.postMessage = (data) =>
        this.dispatchEvent(new MessageEvent('message', { data }));
      this.inside.importScripts = (...addresses) =>
        addresses.reduce(
          (before, next) => before.then(() => this.load(next)),
          Promise.resolve(),
        );
      this.loaded = this.load(new URL(address, location.href));
    }

    load(address) {
      return new Promise((resolve, reject) => {
        const script = this.inside.document.createElement('script');
        script.src = address;
        script.onload = resolve;
        script.onerror = reject;
        this.inside.document.head.append(script);
      });
    }

    postMessage(data) {
      this.loaded.then(() =>
        this.inside.dispatchEvent(new this.inside.MessageEvent('message', { data })),
      );
    }

    terminate() {
      this.frame.remove();
    }
  };
}
