import { type Launcher, startLauncher } from "../launcher/launcher.ts";

/** Keeps one launcher alive. */
export interface LauncherKeeper {
  /** The running launcher; starts one when there is none or when it died. */
  get(): Promise<Launcher>;
  stop(): Promise<void>;
}

export function keepLauncher(python: string, log: (line: string) => void): LauncherKeeper {
  let current: Promise<Launcher> | undefined;
  let stopped = false;
  const start = async (): Promise<Launcher> => {
    try {
      const launcher = await startLauncher(python, log);
      void launcher.gone.then(() => {
        current = undefined;
        if (!stopped) log("The launcher ended unexpectedly; a new one is started when it is needed.");
      });
      return launcher;
    } catch (error) {
      current = undefined;
      throw error;
    }
  };
  return {
    get() {
      if (stopped) return Promise.reject(new Error("The executor is stopped."));
      return (current ??= start());
    },
    async stop() {
      stopped = true;
      const launcher = await current?.catch(() => undefined);
      await launcher?.stop();
    },
  };
}
