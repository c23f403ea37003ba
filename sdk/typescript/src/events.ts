/** Types of events, version 1. */
// Written by sdk/event_types.py from docs/events/schemas. Do not edit.

/** Postal address. */
export interface AddressData {
  /** Street and number. */
  address1?: string;
  /** Second line. */
  address2?: string;
  /** City. */
  city?: string;
  /** Company. */
  company?: string;
  /** ISO 3166 code of the country, else its name. */
  country?: string;
  /** Name of the recipient. */
  name?: string;
  /** Telephone number. */
  phone?: string;
  /** Province or state. */
  province?: string;
  /** Postal code. */
  zip?: string;
}

/** A name and its value. */
export interface AttributeData {
  /** Name. */
  name: string;
  /** Value. */
  value: string;
}

/** Webhook that brought an event. */
export interface Cause {
  /** Delivery id; `null` for `reconcile`. */
  delivery_id: string | null;
  /** Time at which the delivery was received; of a reconciliation, the time at which it read the state. */
  received_at: string;
  /** Topic in the source's own spelling, or `reconcile` for a difference that no webhook reported. */
  topic: string;
}

/** A completed checkout. Its order is `related.order`, its chat session `session_id`. */
export interface CheckoutData {
  /** Vendor's id of the checkout; of the order, if the source names no checkout. */
  id: string;
  /** Lines. */
  lines?: LineData[];
  /** Number or name by which the store calls the order, as in `#1001`. */
  order_name?: string;
  /** Sum. */
  total?: Money;
  /** True if lines are missing, because the event would be too large. */
  truncated: boolean;
}

/** State of a collection. One that shoppers cannot see has an id and a status, and nothing else. */
export interface CollectionData {
  /** Path of the whole state in the API, if `truncated`. */
  data_url?: string;
  /** Description as plain text; absent if it was cut. */
  description?: string;
  /** Name in URLs. */
  handle?: string;
  /** Vendor's id. */
  id: string;
  /** URL of its image. */
  image?: string;
  /** Visibility to shoppers. */
  status: ProductStatus;
  /** Title. */
  title?: string;
  /** True if something is missing, because the event would be too large. */
  truncated: boolean;
}

/** Content of the operator's own event: any object. */
export type CustomData = { [name: string]: unknown };

/** State of a customer, without personal data. */
export interface CustomerData {
  /** ISO 3166 code of the country of the default address. */
  country?: string;
  /** Time at which the customer was created. */
  created_at?: string;
  /** Vendor's id. */
  id: string;
  /** Number of orders. */
  orders_count?: number;
  /** State of the account in the source's words, as in `enabled`. */
  state?: string;
  /** Time of the last change. */
  updated_at?: string;
}

/** A deleted thing. */
export interface DeletedData {
  /** Vendor's id. */
  id: string;
}

/** A webhook of the source, without its body, which endpoints with `format: raw` get. */
export interface DeliveryData {
  /** Source's id of the delivery. */
  id: string;
  /** Topic, as in `orders/create`. */
  topic: string;
}

/** State of an endpoint of a store. */
export interface EndpointData {
  /** Code of the latest failure, as in `connection_refused`; absent if it has recovered. */
  code?: string;
  /**
   * Time of the first failure since it last took a message, of `endpoint.recovered` before it took one again;
   * absent if it was disabled for another reason.
   */
  failing_since?: string;
  /** Host of its URL. The rest may hold tokens, and is left out. */
  host: string;
  /** Id of the endpoint. */
  id: string;
  /**
   * Number of the last `endpoint.failing` about this failure: 1 after an hour, 2 after a day, 3 after four days;
   * absent of `endpoint.disabled`.
   */
  step?: number;
}

/**
 * Id of an event: `evt_` and 26 letters of Crockford's Base32, 48 bits of milliseconds and 80 bits of a hash. Ids
 * of one store sort by time.
 */
export type EventId = string;

/** One line of an order. */
export interface LineData {
  /** Vendor's id of the line. */
  id: string;
  /** Price of one. */
  price?: Money;
  /** Product; absent if it no longer exists, or the line is none of a product. */
  product_id?: string;
  /** Quantity ordered. */
  quantity: number;
  /** Stock-keeping unit. */
  sku?: string;
  /** Title. */
  title?: string;
  /** Variant. */
  variant_id?: string;
}

/** A message whose attempts have all failed. */
export interface MessageData {
  /** Number of attempts that have failed. */
  attempts: number;
  /** Code of the last failure, as in `refused`; absent if it is unknown. */
  code?: string;
  /** Id of the endpoint. */
  endpoint_id: string;
  /** Id of the event that the message told. */
  event_id: EventId;
  /** Type of that event; absent if it is no longer known. */
  event_type?: string;
  /** Host of its URL. The rest may hold tokens, and is left out. */
  host: string;
  /** HTTP status of the last answer; absent if there was none. */
  status?: number;
}

/** Notes of the sender on an event, for endpoints that asked for personal data. */
export interface Meta {
  /** Personal data that the event has, or the reason why it has none. */
  personal: PersonalState;
}

/** An amount of money. */
export interface Money {
  /** Decimal number, as in `48.00`, or `500` in a currency without minor units. */
  amount: string;
  /** ISO 4217 code. */
  currency: string;
}

/** A thing by id and title. */
export interface Named {
  /** Vendor's id. */
  id: string;
  /** Title. */
  title: string;
}

/** State of an order, without personal data. */
export interface OrderData {
  /** Reason in the source's words, as in `customer`. */
  cancel_reason?: string;
  /** Time at which it was cancelled. */
  cancelled_at?: string;
  /** Time at which it was placed. */
  created_at?: string;
  /** State of payment in the source's words, as in `paid`. */
  financial_status?: string;
  /** State of fulfillment in the source's words, as in `fulfilled`; absent if nothing is fulfilled. */
  fulfillment_status?: string;
  /** Vendor's id. */
  id: string;
  /** Lines; may be empty. */
  lines: LineData[];
  /** Number or name by which the store calls it, as in `#1001`. */
  name?: string;
  /** True for a test order. */
  test: boolean;
  /** Sums. */
  totals: Totals;
  /** True if lines are missing, because the event would be too large. */
  truncated: boolean;
  /** Time of its last change. */
  updated_at?: string;
}

/** A payment or a refund. */
export interface PaymentData {
  /** Amount; absent if the source does not tell it. */
  amount?: Money;
  /** Code of the error, of a failed payment. */
  error_code?: string;
  /** Payment gateway, as in `shopify_payments`. */
  gateway?: string;
  /** Vendor's id of the transaction or the refund. */
  id: string;
  /** Kind in the source's words, as in `sale` or `capture`; `refund` for a refund. */
  kind: string;
  /** Lines that were paid back, of a refund. */
  lines?: RefundLineData[];
  /** True for a test payment. */
  test: boolean;
  /** True if lines are missing, because the event would be too large. */
  truncated: boolean;
}

/** Personal data, for endpoints that ask for it and have proved themselves. */
export interface PersonalData {
  /** Address of a customer; with `personal: full` only. */
  address?: AddressData;
  /** Further information of the buyer to an order, up to 50 entries; with `personal: full` only. */
  attributes?: AttributeData[];
  /** Address of an invoice; with `personal: full` only. */
  billing_address?: AddressData;
  /** E-mail address. */
  email?: string;
  /** Name. */
  name?: string;
  /** Note of the buyer to an order, or of the store to a customer; with `personal: full` only. */
  note?: string;
  /** Telephone number. */
  phone?: string;
  /** Address of a shipment; with `personal: full` only. */
  shipping_address?: AddressData;
}

/**
 * Personal data that an event has, or the reason why it has none.
 *
 * - `contact`: Name, e-mail address and telephone number, as far as the delivery has them.
 * - `full`: Those, addresses, notes and attributes.
 * - `unproven`: The endpoint has not proved itself.
 * - `expired`: It was kept for as long as this deployment keeps personal data.
 * - `too_large`: The delivery was too large for its personal data to be kept.
 * - `not_kept`: Nothing was kept: when the event came, no proven endpoint asked for it, or this deployment does
 * not keep personal data.
 */
export type PersonalState = 'contact' | 'full' | 'unproven' | 'expired' | 'too_large' | 'not_kept';

/** Former values, as the last event of the subject said. */
export interface Previous {
  /** True if any variant could be bought; absent if unchanged or unknown. */
  available?: boolean;
  /** Range of prices; absent if unchanged or unknown. */
  price?: PriceRange;
  /** Status; absent if unchanged. */
  status?: ProductStatus;
}

/** Lowest and highest price. */
export interface PriceRange {
  /** ISO 4217 code; `null` if unknown. */
  currency: string | null;
  /** Lowest. */
  from: string;
  /** Highest. */
  to: string;
}

/** A privacy request. What concerns the person is the operator's own to find, by the customer's id. */
export interface PrivacyData {
  /** Vendor's id of the customer. */
  customer_id: string;
}

/** State of a product. One that shoppers cannot see has an id and a status, and nothing else. */
export interface ProductData {
  /** True if any variant can be bought now; absent if unknown. */
  available?: boolean;
  /** Path of the whole state in the API, if `truncated`. */
  data_url?: string;
  /** Description as plain text; absent if it was cut. */
  description?: string;
  /** Name in URLs. */
  handle?: string;
  /** Vendor's id. */
  id: string;
  /** URL of its first image. */
  image?: string;
  /** Range of the variants' prices; absent if none has a price. */
  price?: PriceRange;
  /** Category in the store's own words. */
  product_type?: string;
  /** Visibility to shoppers. */
  status: ProductStatus;
  /** Tags. */
  tags?: string[];
  /** Title. */
  title?: string;
  /** True if something is missing: the event would be too large, or the source did not tell all. */
  truncated: boolean;
  /** Variants. */
  variants?: VariantData[];
  /** Manufacturer. */
  vendor?: string;
}

/**
 * Visibility of a product or a collection to shoppers.
 *
 * - `active`: Shoppers can see it.
 * - `hidden`: Shoppers cannot see it: a draft, archived, or not published.
 */
export type ProductStatus = 'active' | 'hidden';

/** A thing by id. */
export interface Reference {
  /** Vendor's id. */
  id: string;
}

/** One line of a refund. */
export interface RefundLineData {
  /** Amount paid back, without tax. */
  amount?: Money;
  /** Vendor's id of the order's line. */
  line_id: string;
  /** Quantity paid back. */
  quantity: number;
}

/** Things that belong to the subject; those that it does not have are absent. */
export interface Related {
  /** Collections that a product is in; absent if unknown. */
  collections?: Named[];
  /** Customer of an order or a checkout, by id only. */
  customer?: Reference;
  /** Order that a payment, a shipment or a checkout belongs to. */
  order?: Reference;
}

/** State of a shipment, without addresses. */
export interface ShipmentData {
  /** Carrier. */
  carrier?: string;
  /** Vendor's id of the fulfillment. */
  id: string;
  /** Lines of the order that it contains. */
  lines?: LineData[];
  /** State of the shipment in the source's words, as in `in_transit`. */
  shipment_status?: string;
  /** State in the source's words, as in `success`. */
  status?: string;
  /** Tracking numbers. */
  tracking_numbers?: string[];
  /** Pages where the shipment can be tracked. */
  tracking_urls?: string[];
  /** True if lines are missing, because the event would be too large. */
  truncated: boolean;
}

/** A store of a source. */
export interface Store {
  /** Store at the source, as in `demo.myshopify.com`. */
  id: string;
  /** Source, as in `shopify`. */
  source: string;
}

/** An install or uninstall of the app. */
export interface StoreData {
  /** Store at the source. */
  id: string;
}

/** The thing that an event is about. */
export interface Subject {
  /** Vendor's id. */
  id: string;
  /** Kind, as in `product`. */
  kind: string;
  /**
   * Version of its state, a decimal number: a higher one is newer. Of a deleted thing it is the highest of all,
   * 9223372036854775807. `null` if the event is not about a versioned state.
   */
  version: string | null;
}

/** Sums of an order, each in the shop's currency. */
export interface Totals {
  /** Discounts. */
  discounts?: Money;
  /** Shipping. */
  shipping?: Money;
  /** Sum of the lines after discounts, before shipping and tax. */
  subtotal?: Money;
  /** Tax. */
  tax?: Money;
  /** Sum to pay. */
  total?: Money;
}

/** State of a variant. */
export interface VariantData {
  /** True if it can be bought now; absent if unknown. */
  available?: boolean;
  /** Vendor's id. */
  id: string;
  /** Price, in the currency of the product's. */
  price?: string;
  /** Quantity in stock, which may be negative; absent if unknown or not counted. */
  quantity?: number;
  /** Stock-keeping unit. */
  sku?: string;
  /** Title. */
  title: string;
}

/** Data of the events of each type. */
export interface DataByType {
  /** A checkout was completed, or an order came out of a chat session. */
  'checkout.completed': CheckoutData;
  /** A collection was created. */
  'collection.created': CollectionData;
  /** A collection was deleted. */
  'collection.deleted': DeletedData;
  /** A collection was changed. */
  'collection.updated': CollectionData;
  /** An event of the operator's own. */
  [custom: `custom.${string}`]: CustomData;
  /** A customer was created. */
  'customer.created': CustomerData;
  /** A customer was deleted. */
  'customer.deleted': DeletedData;
  /** A customer was changed. */
  'customer.updated': CustomerData;
  /** A webhook of the source was received. */
  'delivery.received': DeliveryData;
  /** An endpoint of a store was disabled, because it took nothing for too long or wants no messages. */
  'endpoint.disabled': EndpointData;
  /** An endpoint of a store has taken nothing for an hour, a day or four days. */
  'endpoint.failing': EndpointData;
  /** An endpoint of a store that was failing has taken a message. */
  'endpoint.recovered': EndpointData;
  /** The availability or a quantity of a product changed. */
  'inventory.updated': ProductData;
  /** All attempts at a message for an endpoint of a store have failed. */
  'message.exhausted': MessageData;
  /** An order was cancelled. */
  'order.cancelled': OrderData;
  /** An order was placed. */
  'order.created': OrderData;
  /** An order was fulfilled. */
  'order.fulfilled': OrderData;
  /** An order was paid. */
  'order.paid': OrderData;
  /** An order was changed. */
  'order.updated': OrderData;
  /** A payment succeeded. */
  'payment.completed': PaymentData;
  /** A payment failed. */
  'payment.failed': PaymentData;
  /** Money was paid back. */
  'payment.refunded': PaymentData;
  /** A customer's data is to be erased. */
  'privacy.customer_redacted': PrivacyData;
  /** A product was created. */
  'product.created': ProductData;
  /** A product was deleted. */
  'product.deleted': DeletedData;
  /** A product was changed, in anything but its stock alone. */
  'product.updated': ProductData;
  /** A shipment was delivered. */
  'shipping.delivered': ShipmentData;
  /** A shipping label was made, or a shipment got its first tracking number. */
  'shipping.label_created': ShipmentData;
  /** The tracking of a shipment changed. */
  'shipping.tracking_updated': ShipmentData;
  /** A store was connected. */
  'store.connected': StoreData;
  /** The app was uninstalled. */
  'store.disconnected': StoreData;
}

/** Type of an event. */
export type EventType = keyof DataByType;

/** An event of one type, or of one of several, told apart by `type`. */
export type Event<T extends EventType = EventType> = T extends EventType
  ? EventBase & { type: T; data: DataByType[T] }
  : never;

/** Members that events of every type have. */
export interface EventBase {
  /** Webhook that brought the event; `null` if none did. */
  cause: Cause | null;
  /**
   * Groups of fields that differ from what the last event of the subject said; `null` if there was none, or if
   * the event is not about a state.
   */
  changed: string[] | null;
  /** Id. The same for the same event, however often it is sent: remember it to have each effect once. */
  id: EventId;
  /** Notes on the personal data; only for endpoints that asked for it. */
  meta?: Meta;
  /** Personal data of the subject. Only endpoints get it that asked for it and proved themselves. */
  personal?: PersonalData;
  /** Former values of some of the changed fields, as the last event of the subject said; `null` if there was none. */
  previous: Previous | null;
  /** Things that belong to the subject. */
  related: Related;
  /**
   * Chat session that the subject comes from, if the shop wrote one to the cart: at most 128 visible ASCII
   * characters. A buyer can write it, so it finds a conversation and authorizes nothing.
   */
  session_id: string | null;
  /** Store in which it happened. */
  store: Store;
  /** Thing that it is about. */
  subject: Subject;
  /** Time at which it happened; of a state, the time at which Hookline learned of it. */
  timestamp: string;
  /** Version of the schema. */
  version: 1;
}

/** Version of the schemas. Later ones are skipped. */
export const VERSION = 1;

/** Every type except the operator's own. */
export const EVENT_TYPES = [
  'checkout.completed',
  'collection.created',
  'collection.deleted',
  'collection.updated',
  'customer.created',
  'customer.deleted',
  'customer.updated',
  'delivery.received',
  'endpoint.disabled',
  'endpoint.failing',
  'endpoint.recovered',
  'inventory.updated',
  'message.exhausted',
  'order.cancelled',
  'order.created',
  'order.fulfilled',
  'order.paid',
  'order.updated',
  'payment.completed',
  'payment.failed',
  'payment.refunded',
  'privacy.customer_redacted',
  'product.created',
  'product.deleted',
  'product.updated',
  'shipping.delivered',
  'shipping.label_created',
  'shipping.tracking_updated',
  'store.connected',
  'store.disconnected',
] as const satisfies readonly EventType[];
