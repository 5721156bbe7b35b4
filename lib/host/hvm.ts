/** The hardware-virtual-machine interface of a host. Types only; hosts without it have no such member. */

export interface Hvm {
  /** Starts the guest of an installed hvm zone. */
  launch(name: string): Promise<void>;
}
