// Types of Stripe's own library, as its events are sent: a decimal is a text, and any field may be left out of a sample.
// Names that the library does not know are refused. test_stripe.py puts the samples below.
import Stripe = require("stripe");

type Methods = (...given: never[]) => unknown;
type Sent<T> = T extends Stripe.Decimal
  ? string
  : T extends string | number | boolean | null | undefined | void
    ? T
    : T extends (infer Item)[]
      ? Sent<Item>[]
      : { [Name in keyof T as T[Name] extends Methods ? never : Name]?: Sent<T[Name]> };

type Snapshot<Topic> = Sent<Extract<Stripe.Event, { type: Topic }>>;
// Nullable by its reference (https://docs.stripe.com/api/v2/core/events/object): the library leaves out what is null.
type Thin<Topic> = Omit<Sent<Extract<Stripe.V2.Core.Event, { type: Topic }>>, "context" | "reason"> & {
  context?: string | null;
  reason?: Sent<Stripe.V2.Core.Event["reason"]> | null;
};
