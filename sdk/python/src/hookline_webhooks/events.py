"""Types of events, version 1. Written by sdk/event_types.py from docs/events/schemas. Do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    # Every type checker knows it without an installation; `typing` has it since Python 3.11.
    from typing_extensions import NotRequired


class AddressData(TypedDict):
    """Postal address."""

    address1: NotRequired[str]
    """Street and number."""
    address2: NotRequired[str]
    """Second line."""
    city: NotRequired[str]
    """City."""
    company: NotRequired[str]
    """Company."""
    country: NotRequired[str]
    """ISO 3166 code of the country, else its name."""
    name: NotRequired[str]
    """Name of the recipient."""
    phone: NotRequired[str]
    """Telephone number."""
    province: NotRequired[str]
    """Province or state."""
    zip: NotRequired[str]
    """Postal code."""


class AttributeData(TypedDict):
    """A name and its value."""

    name: str
    """Name."""
    value: str
    """Value."""


class Cause(TypedDict):
    """Webhook that brought an event."""

    delivery_id: str | None
    """Delivery id; `null` for `reconcile`."""
    received_at: str
    """Time at which the delivery was received; of a reconciliation, the time at which it read the state."""
    topic: str
    """Topic in the source's own spelling, or `reconcile` for a difference that no webhook reported."""


class CheckoutData(TypedDict):
    """A completed checkout. Its order is `related.order`, its chat session `session_id`."""

    id: str
    """Vendor's id of the checkout; of the order, if the source names no checkout."""
    lines: NotRequired[list[LineData]]
    """Lines."""
    order_name: NotRequired[str]
    """Number or name by which the store calls the order, as in `#1001`."""
    total: NotRequired[Money]
    """Sum."""
    truncated: bool
    """True if lines are missing, because the event would be too large."""


class CollectionData(TypedDict):
    """State of a collection. One that shoppers cannot see has an id and a status, and nothing else."""

    data_url: NotRequired[str]
    """Path of the whole state in the API, if `truncated`."""
    description: NotRequired[str]
    """Description as plain text; absent if it was cut."""
    handle: NotRequired[str]
    """Name in URLs."""
    id: str
    """Vendor's id."""
    image: NotRequired[str]
    """URL of its image."""
    status: ProductStatus
    """Visibility to shoppers."""
    title: NotRequired[str]
    """Title."""
    truncated: bool
    """True if something is missing, because the event would be too large."""


class CustomerData(TypedDict):
    """State of a customer, without personal data."""

    country: NotRequired[str]
    """ISO 3166 code of the country of the default address."""
    created_at: NotRequired[str]
    """Time at which the customer was created."""
    id: str
    """Vendor's id."""
    orders_count: NotRequired[int]
    """Number of orders."""
    state: NotRequired[str]
    """State of the account in the source's words, as in `enabled`."""
    updated_at: NotRequired[str]
    """Time of the last change."""


class DeletedData(TypedDict):
    """A deleted thing."""

    id: str
    """Vendor's id."""


class DeliveryData(TypedDict):
    """A webhook of the source, without its body, which endpoints with `format: raw` get."""

    id: str
    """Source's id of the delivery."""
    topic: str
    """Topic, as in `orders/create`."""


class EndpointData(TypedDict):
    """State of an endpoint of a store."""

    code: NotRequired[str]
    """Code of the latest failure, as in `connection_refused`; absent if it has recovered."""
    failing_since: NotRequired[str]
    """Time of the first failure since it last took a message, of `endpoint.recovered` before it took one again;
    absent if it was disabled for another reason.
    """
    host: str
    """Host of its URL. The rest may hold tokens, and is left out."""
    id: str
    """Id of the endpoint."""
    step: NotRequired[int]
    """Number of the last `endpoint.failing` about this failure: 1 after an hour, 2 after a day, 3 after four days;
    absent of `endpoint.disabled`.
    """


class LineData(TypedDict):
    """One line of an order."""

    id: str
    """Vendor's id of the line."""
    price: NotRequired[Money]
    """Price of one."""
    product_id: NotRequired[str]
    """Product; absent if it no longer exists, or the line is none of a product."""
    quantity: int
    """Quantity ordered."""
    sku: NotRequired[str]
    """Stock-keeping unit."""
    title: NotRequired[str]
    """Title."""
    variant_id: NotRequired[str]
    """Variant."""


class MessageData(TypedDict):
    """A message whose attempts have all failed."""

    attempts: int
    """Number of attempts that have failed."""
    code: NotRequired[str]
    """Code of the last failure, as in `refused`; absent if it is unknown."""
    endpoint_id: str
    """Id of the endpoint."""
    event_id: EventId
    """Id of the event that the message told."""
    event_type: NotRequired[str]
    """Type of that event; absent if it is no longer known."""
    host: str
    """Host of its URL. The rest may hold tokens, and is left out."""
    status: NotRequired[int]
    """HTTP status of the last answer; absent if there was none."""


class Meta(TypedDict):
    """Notes of the sender on an event, for endpoints that asked for personal data."""

    personal: PersonalState
    """Personal data that the event has, or the reason why it has none."""


class Money(TypedDict):
    """An amount of money."""

    amount: str
    """Decimal number, as in `48.00`, or `500` in a currency without minor units."""
    currency: str
    """ISO 4217 code."""


class Named(TypedDict):
    """A thing by id and title."""

    id: str
    """Vendor's id."""
    title: str
    """Title."""


class OrderData(TypedDict):
    """State of an order, without personal data."""

    cancel_reason: NotRequired[str]
    """Reason in the source's words, as in `customer`."""
    cancelled_at: NotRequired[str]
    """Time at which it was cancelled."""
    created_at: NotRequired[str]
    """Time at which it was placed."""
    financial_status: NotRequired[str]
    """State of payment in the source's words, as in `paid`."""
    fulfillment_status: NotRequired[str]
    """State of fulfillment in the source's words, as in `fulfilled`; absent if nothing is fulfilled."""
    id: str
    """Vendor's id."""
    lines: list[LineData]
    """Lines; may be empty."""
    name: NotRequired[str]
    """Number or name by which the store calls it, as in `#1001`."""
    test: bool
    """True for a test order."""
    totals: Totals
    """Sums."""
    truncated: bool
    """True if lines are missing, because the event would be too large."""
    updated_at: NotRequired[str]
    """Time of its last change."""


class PaymentData(TypedDict):
    """A payment or a refund."""

    amount: NotRequired[Money]
    """Amount; absent if the source does not tell it."""
    error_code: NotRequired[str]
    """Code of the error, of a failed payment."""
    gateway: NotRequired[str]
    """Payment gateway, as in `shopify_payments`."""
    id: str
    """Vendor's id of the transaction or the refund."""
    kind: str
    """Kind in the source's words, as in `sale` or `capture`; `refund` for a refund."""
    lines: NotRequired[list[RefundLineData]]
    """Lines that were paid back, of a refund."""
    test: bool
    """True for a test payment."""
    truncated: bool
    """True if lines are missing, because the event would be too large."""


class PersonalData(TypedDict):
    """Personal data, for endpoints that ask for it and have proved themselves."""

    address: NotRequired[AddressData]
    """Address of a customer; with `personal: full` only."""
    attributes: NotRequired[list[AttributeData]]
    """Further information of the buyer to an order, up to 50 entries; with `personal: full` only."""
    billing_address: NotRequired[AddressData]
    """Address of an invoice; with `personal: full` only."""
    email: NotRequired[str]
    """E-mail address."""
    name: NotRequired[str]
    """Name."""
    note: NotRequired[str]
    """Note of the buyer to an order, or of the store to a customer; with `personal: full` only."""
    phone: NotRequired[str]
    """Telephone number."""
    shipping_address: NotRequired[AddressData]
    """Address of a shipment; with `personal: full` only."""


class Previous(TypedDict):
    """Former values, as the last event of the subject said."""

    available: NotRequired[bool]
    """True if any variant could be bought; absent if unchanged or unknown."""
    price: NotRequired[PriceRange]
    """Range of prices; absent if unchanged or unknown."""
    status: NotRequired[ProductStatus]
    """Status; absent if unchanged."""


PriceRange = TypedDict(
    "PriceRange",
    {
        "currency": "str | None",
        "from": "str",
        "to": "str",
    },
)
"""Lowest and highest price."""


class PrivacyData(TypedDict):
    """A privacy request. What concerns the person is the operator's own to find, by the customer's id."""

    customer_id: str
    """Vendor's id of the customer."""


class ProductData(TypedDict):
    """State of a product. One that shoppers cannot see has an id and a status, and nothing else."""

    available: NotRequired[bool]
    """True if any variant can be bought now; absent if unknown."""
    data_url: NotRequired[str]
    """Path of the whole state in the API, if `truncated`."""
    description: NotRequired[str]
    """Description as plain text; absent if it was cut."""
    handle: NotRequired[str]
    """Name in URLs."""
    id: str
    """Vendor's id."""
    image: NotRequired[str]
    """URL of its first image."""
    price: NotRequired[PriceRange]
    """Range of the variants' prices; absent if none has a price."""
    product_type: NotRequired[str]
    """Category in the store's own words."""
    status: ProductStatus
    """Visibility to shoppers."""
    tags: NotRequired[list[str]]
    """Tags."""
    title: NotRequired[str]
    """Title."""
    truncated: bool
    """True if something is missing: the event would be too large, or the source did not tell all."""
    variants: NotRequired[list[VariantData]]
    """Variants."""
    vendor: NotRequired[str]
    """Manufacturer."""


class Reference(TypedDict):
    """A thing by id."""

    id: str
    """Vendor's id."""


class RefundLineData(TypedDict):
    """One line of a refund."""

    amount: NotRequired[Money]
    """Amount paid back, without tax."""
    line_id: str
    """Vendor's id of the order's line."""
    quantity: int
    """Quantity paid back."""


class Related(TypedDict):
    """Things that belong to the subject; those that it does not have are absent."""

    collections: NotRequired[list[Named]]
    """Collections that a product is in; absent if unknown."""
    customer: NotRequired[Reference]
    """Customer of an order or a checkout, by id only."""
    order: NotRequired[Reference]
    """Order that a payment, a shipment or a checkout belongs to."""


class ShipmentData(TypedDict):
    """State of a shipment, without addresses."""

    carrier: NotRequired[str]
    """Carrier."""
    id: str
    """Vendor's id of the fulfillment."""
    lines: NotRequired[list[LineData]]
    """Lines of the order that it contains."""
    shipment_status: NotRequired[str]
    """State of the shipment in the source's words, as in `in_transit`."""
    status: NotRequired[str]
    """State in the source's words, as in `success`."""
    tracking_numbers: NotRequired[list[str]]
    """Tracking numbers."""
    tracking_urls: NotRequired[list[str]]
    """Pages where the shipment can be tracked."""
    truncated: bool
    """True if lines are missing, because the event would be too large."""


class Store(TypedDict):
    """A store of a source."""

    id: str
    """Store at the source, as in `demo.myshopify.com`."""
    source: str
    """Source, as in `shopify`."""


class StoreData(TypedDict):
    """An install or uninstall of the app."""

    id: str
    """Store at the source."""


class Subject(TypedDict):
    """The thing that an event is about."""

    id: str
    """Vendor's id."""
    kind: str
    """Kind, as in `product`."""
    version: str | None
    """Version of its state, a decimal number: a higher one is newer. Of a deleted thing it is the highest of all,
    9223372036854775807. `null` if the event is not about a versioned state.
    """


class Totals(TypedDict):
    """Sums of an order, each in the shop's currency."""

    discounts: NotRequired[Money]
    """Discounts."""
    shipping: NotRequired[Money]
    """Shipping."""
    subtotal: NotRequired[Money]
    """Sum of the lines after discounts, before shipping and tax."""
    tax: NotRequired[Money]
    """Tax."""
    total: NotRequired[Money]
    """Sum to pay."""


class VariantData(TypedDict):
    """State of a variant."""

    available: NotRequired[bool]
    """True if it can be bought now; absent if unknown."""
    id: str
    """Vendor's id."""
    price: NotRequired[str]
    """Price, in the currency of the product's."""
    quantity: NotRequired[int]
    """Quantity in stock, which may be negative; absent if unknown or not counted."""
    sku: NotRequired[str]
    """Stock-keeping unit."""
    title: str
    """Title."""


CustomData = dict[str, Any]
"""Content of the operator's own event: any object."""

EventId = str
"""Id of an event: `evt_` and 26 letters of Crockford's Base32, 48 bits of milliseconds and 80 bits of a hash. Ids
of one store sort by time.
"""

PersonalState = Literal["contact", "full", "unproven", "expired", "too_large", "not_kept"]
"""Personal data that an event has, or the reason why it has none.

- `contact`: Name, e-mail address and telephone number, as far as the delivery has them.
- `full`: Those, addresses, notes and attributes.
- `unproven`: The endpoint has not proved itself.
- `expired`: It was kept for as long as this deployment keeps personal data.
- `too_large`: The delivery was too large for its personal data to be kept.
- `not_kept`: Nothing was kept: when the event came, no proven endpoint asked for it, or this deployment does
not keep personal data.
"""

ProductStatus = Literal["active", "hidden"]
"""Visibility of a product or a collection to shoppers.

- `active`: Shoppers can see it.
- `hidden`: Shoppers cannot see it: a draft, archived, or not published.
"""


class EventBase(TypedDict):
    """Members that events of every type have."""

    cause: Cause | None
    """Webhook that brought the event; `null` if none did."""
    changed: list[str] | None
    """Groups of fields that differ from what the last event of the subject said; `null` if there was none, or if
    the event is not about a state.
    """
    id: EventId
    """Id. The same for the same event, however often it is sent: remember it to have each effect once."""
    meta: NotRequired[Meta]
    """Notes on the personal data; only for endpoints that asked for it."""
    personal: NotRequired[PersonalData]
    """Personal data of the subject. Only endpoints get it that asked for it and proved themselves."""
    previous: Previous | None
    """Former values of some of the changed fields, as the last event of the subject said; `null` if there was
    none.
    """
    related: Related
    """Things that belong to the subject."""
    session_id: str | None
    """Chat session that the subject comes from, if the shop wrote one to the cart: at most 128 visible ASCII
    characters. A buyer can write it, so it finds a conversation and authorizes nothing.
    """
    store: Store
    """Store in which it happened."""
    subject: Subject
    """Thing that it is about."""
    timestamp: str
    """Time at which it happened; of a state, the time at which Hookline learned of it."""
    version: Literal[1]
    """Version of the schema."""


class CheckoutCompletedEvent(EventBase):
    """A checkout was completed, or an order came out of a chat session."""

    type: Literal["checkout.completed"]
    data: CheckoutData


class CollectionCreatedEvent(EventBase):
    """A collection was created."""

    type: Literal["collection.created"]
    data: CollectionData


class CollectionDeletedEvent(EventBase):
    """A collection was deleted."""

    type: Literal["collection.deleted"]
    data: DeletedData


class CollectionUpdatedEvent(EventBase):
    """A collection was changed."""

    type: Literal["collection.updated"]
    data: CollectionData


class CustomEvent(EventBase):
    """An event of the operator's own."""

    type: str
    data: CustomData


class CustomerCreatedEvent(EventBase):
    """A customer was created."""

    type: Literal["customer.created"]
    data: CustomerData


class CustomerDeletedEvent(EventBase):
    """A customer was deleted."""

    type: Literal["customer.deleted"]
    data: DeletedData


class CustomerUpdatedEvent(EventBase):
    """A customer was changed."""

    type: Literal["customer.updated"]
    data: CustomerData


class DeliveryReceivedEvent(EventBase):
    """A webhook of the source was received."""

    type: Literal["delivery.received"]
    data: DeliveryData


class EndpointDisabledEvent(EventBase):
    """An endpoint of a store was disabled, because it took nothing for too long or wants no messages."""

    type: Literal["endpoint.disabled"]
    data: EndpointData


class EndpointFailingEvent(EventBase):
    """An endpoint of a store has taken nothing for an hour, a day or four days."""

    type: Literal["endpoint.failing"]
    data: EndpointData


class EndpointRecoveredEvent(EventBase):
    """An endpoint of a store that was failing has taken a message."""

    type: Literal["endpoint.recovered"]
    data: EndpointData


class InventoryUpdatedEvent(EventBase):
    """The availability or a quantity of a product changed."""

    type: Literal["inventory.updated"]
    data: ProductData


class MessageExhaustedEvent(EventBase):
    """All attempts at a message for an endpoint of a store have failed."""

    type: Literal["message.exhausted"]
    data: MessageData


class OrderCancelledEvent(EventBase):
    """An order was cancelled."""

    type: Literal["order.cancelled"]
    data: OrderData


class OrderCreatedEvent(EventBase):
    """An order was placed."""

    type: Literal["order.created"]
    data: OrderData


class OrderFulfilledEvent(EventBase):
    """An order was fulfilled."""

    type: Literal["order.fulfilled"]
    data: OrderData


class OrderPaidEvent(EventBase):
    """An order was paid."""

    type: Literal["order.paid"]
    data: OrderData


class OrderUpdatedEvent(EventBase):
    """An order was changed."""

    type: Literal["order.updated"]
    data: OrderData


class PaymentCompletedEvent(EventBase):
    """A payment succeeded."""

    type: Literal["payment.completed"]
    data: PaymentData


class PaymentFailedEvent(EventBase):
    """A payment failed."""

    type: Literal["payment.failed"]
    data: PaymentData


class PaymentRefundedEvent(EventBase):
    """Money was paid back."""

    type: Literal["payment.refunded"]
    data: PaymentData


class PrivacyCustomerRedactedEvent(EventBase):
    """A customer's data is to be erased."""

    type: Literal["privacy.customer_redacted"]
    data: PrivacyData


class ProductCreatedEvent(EventBase):
    """A product was created."""

    type: Literal["product.created"]
    data: ProductData


class ProductDeletedEvent(EventBase):
    """A product was deleted."""

    type: Literal["product.deleted"]
    data: DeletedData


class ProductUpdatedEvent(EventBase):
    """A product was changed, in anything but its stock alone."""

    type: Literal["product.updated"]
    data: ProductData


class ShippingDeliveredEvent(EventBase):
    """A shipment was delivered."""

    type: Literal["shipping.delivered"]
    data: ShipmentData


class ShippingLabelCreatedEvent(EventBase):
    """A shipping label was made, or a shipment got its first tracking number."""

    type: Literal["shipping.label_created"]
    data: ShipmentData


class ShippingTrackingUpdatedEvent(EventBase):
    """The tracking of a shipment changed."""

    type: Literal["shipping.tracking_updated"]
    data: ShipmentData


class StoreConnectedEvent(EventBase):
    """A store was connected."""

    type: Literal["store.connected"]
    data: StoreData


class StoreDisconnectedEvent(EventBase):
    """The app was uninstalled."""

    type: Literal["store.disconnected"]
    data: StoreData


Event = (
    CheckoutCompletedEvent
    | CollectionCreatedEvent
    | CollectionDeletedEvent
    | CollectionUpdatedEvent
    | CustomEvent
    | CustomerCreatedEvent
    | CustomerDeletedEvent
    | CustomerUpdatedEvent
    | DeliveryReceivedEvent
    | EndpointDisabledEvent
    | EndpointFailingEvent
    | EndpointRecoveredEvent
    | InventoryUpdatedEvent
    | MessageExhaustedEvent
    | OrderCancelledEvent
    | OrderCreatedEvent
    | OrderFulfilledEvent
    | OrderPaidEvent
    | OrderUpdatedEvent
    | PaymentCompletedEvent
    | PaymentFailedEvent
    | PaymentRefundedEvent
    | PrivacyCustomerRedactedEvent
    | ProductCreatedEvent
    | ProductDeletedEvent
    | ProductUpdatedEvent
    | ShippingDeliveredEvent
    | ShippingLabelCreatedEvent
    | ShippingTrackingUpdatedEvent
    | StoreConnectedEvent
    | StoreDisconnectedEvent
)
"""An event of any type."""

VERSION = 1
"""Version of the schemas. Later ones are skipped."""

EVENT_TYPES = (
    "checkout.completed",
    "collection.created",
    "collection.deleted",
    "collection.updated",
    "customer.created",
    "customer.deleted",
    "customer.updated",
    "delivery.received",
    "endpoint.disabled",
    "endpoint.failing",
    "endpoint.recovered",
    "inventory.updated",
    "message.exhausted",
    "order.cancelled",
    "order.created",
    "order.fulfilled",
    "order.paid",
    "order.updated",
    "payment.completed",
    "payment.failed",
    "payment.refunded",
    "privacy.customer_redacted",
    "product.created",
    "product.deleted",
    "product.updated",
    "shipping.delivered",
    "shipping.label_created",
    "shipping.tracking_updated",
    "store.connected",
    "store.disconnected",
)
"""Every type except the operator's own."""
