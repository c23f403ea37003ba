# frozen_string_literal: true

# Receives Hookline's webhooks with WEBrick, and prints a line for each.
#
#     gem install webrick                        # Debian: ruby-webrick
#     HOOKLINE_SECRET=whsec_… PORT=3000 ruby server.rb
#
# During a rotation HOOKLINE_SECRET holds both secrets, with a comma between them. An endpoint that signs with a key (v1a) has its
# public half, whpk_…, in HOOKLINE_PUBLIC_KEY. In Rails: Receiver#take(request.headers, request.raw_post). Ruby 3.0 or newer.

require 'json'
require 'openssl'
require 'webrick'

# A request that is refused with this status; the message is the reason: headers, timestamp, signature, size or body.
class Refusal < StandardError
  attr_reader :status

  def initialize(status, reason)
    super(reason)
    @status = status
  end
end

# Check that a request is Hookline's, with the keys of the endpoint: several while one replaces another.
class Verifier
  # Most seconds that the time of a request may be off ours.
  TOLERANCE_SECONDS = 300
  # Most signatures of a request that are compared.
  MAX_SIGNATURES = 8
  # What the DER form of an Ed25519 key has before its 32 bytes (RFC 8410 § 4).
  DER_PREFIX = ['302a300506032b6570032100'].pack('H*')

  def initialize(secrets, public_keys)
    @secrets = secrets.map { |text| decode(text, 'whsec_', 24..64) }
    @public_keys = public_keys.map { |text| OpenSSL::PKey.read(DER_PREFIX + decode(text, 'whpk_', 32..32)) }
    raise ArgumentError, 'HOOKLINE_SECRET is missing: set it to the secret of the endpoint' if (@secrets + @public_keys).empty?
  end

  # Checks headers, whose names it reads in lower case, and the body as received. Returns the id of the event.
  def verify(headers, body, now)
    id, timestamp, signatures = %w[webhook-id webhook-timestamp webhook-signature].map { |name| headers[name].to_s }
    raise Refusal.new(403, 'headers') if [id, timestamp, signatures].any?(&:empty?)

    is_now = timestamp.match?(/\A[1-9][0-9]{0,14}\z/) && (now.to_i - timestamp.to_i).abs <= TOLERANCE_SECONDS
    raise Refusal.new(403, 'timestamp') unless is_now

    signed = "#{id}.#{timestamp}.".b + body.b
    received = signatures.split.grep(/\Av1a?,/).first(MAX_SIGNATURES)
    raise Refusal.new(403, 'signature') unless received.any? { |each| right?(*each.split(',', 2), signed) }

    id
  end

  private

  def right?(version, text, signed)
    signature = text.unpack1('m0')
    return @public_keys.any? { |key| verified?(key, signature, signed) } if version == 'v1a'

    # Compares in constant time.
    @secrets.any? { |secret| OpenSSL.secure_compare(OpenSSL::HMAC.digest('SHA256', secret, signed), signature) }
  rescue ArgumentError
    # It is not base64.
    false
  end

  def verified?(key, signature, signed)
    key.verify(nil, signature, signed)
  rescue OpenSSL::PKey::PKeyError
    false
  end

  def decode(text, prefix, sizes)
    key = text.strip.delete_prefix(prefix).unpack1('m0')
    return key if sizes.cover?(key.bytesize)

    raise ArgumentError
  rescue ArgumentError
    raise ArgumentError, "a key is not \"#{prefix}\" and base64, as Hookline shows it when an endpoint is created"
  end
end

# Handles each event once, and no older state after a newer one. Remembers in the memory of this process.
class Receiver
  # Version of the schemas that this program reads.
  SCHEMA_VERSION = 1
  # Ids that are remembered.
  MAX_IDS = 10_000

  # `handlers` by type of event; all others are skipped.
  def initialize(verifier, handlers)
    @verifier = verifier
    @handlers = handlers
    @lock = Mutex.new
    # In production: a table with a unique key, written in the transaction that handles the event.
    @seen = {}
    # In production: a column of the thing's own row, and UPDATE … SET version = ? WHERE id = ? AND version <= ?
    @newest = {}
  end

  # Verifies, reads and handles a request, in this order. Raises Refusal. Returns what came of it.
  def take(headers, body, now = Time.now)
    id = @verifier.verify(headers, body, now)
    event = read(body)
    return 'version' if event['version'] > SCHEMA_VERSION

    handle = @handlers[event['type']]
    return 'type' unless handle

    # A copy that arrives meanwhile waits.
    @lock.synchronize { once(id, event, handle) }
  end

  private

  def once(id, event, handle)
    return 'seen' if @seen[id]

    is_older = older?(event)
    # After an exception the id is not remembered: the event is sent again.
    handle.call(event) unless is_older
    @seen[id] = true
    @seen.shift if @seen.size > MAX_IDS
    is_older ? 'older' : 'handled'
  end

  def older?(event)
    subject = event['subject']
    return false if subject['version'].nil?

    thing = [event['store'], subject['kind'], subject['id']]
    version = Integer(subject['version'], 10)
    # Two events of one state have the same version.
    return true if version < @newest.fetch(thing, version)

    @newest[thing] = version
    false
  end

  # The event in a body. Of a later version only id, type and version are known.
  def read(body)
    text = body.dup.force_encoding(Encoding::UTF_8)
    event = text.valid_encoding? ? JSON.parse(text) : nil
    raise Refusal.new(400, 'body') unless event?(event)

    event
  rescue JSON::ParserError
    raise Refusal.new(400, 'body')
  end

  def event?(event)
    return false unless texts?(event, 'id', 'type') && event['version'].is_a?(Integer) && event['version'] >= 1
    return true if event['version'] > SCHEMA_VERSION

    texts?(event['store'], 'source', 'id') && texts?(event['subject'], 'kind', 'id')
  end

  def texts?(object, *names)
    object.is_a?(Hash) && names.all? { |name| object[name].is_a?(String) }
  end
end

MAX_BODY_BYTES = 1024 * 1024

# Answer first, work afterwards: put the event on a queue here. What raises is answered with 500, and sent again.
HANDLE = ->(event) { puts "handled: #{event['type']} #{event['subject']['kind']}/#{event['subject']['id']}" }
HANDLERS = {
  'inventory.updated' => HANDLE, # a product's availability or a quantity changed
  'checkout.completed' => HANDLE, # an order came out of a chat session or a checkout
  'product.created' => HANDLE,
  'product.updated' => HANDLE,
  'product.deleted' => HANDLE
}.freeze

# Answers 204, or 400, 403, 405, 413 with the reason. After any other status than 2xx the event is sent again.
class Webhooks < WEBrick::HTTPServlet::AbstractServlet
  def initialize(server, receiver)
    super(server)
    @receiver = receiver
  end

  def service(request, response)
    return refuse_method(response) if request.request_method != 'POST'

    outcome = @receiver.take(request, read_body(request))
    puts "skipped: #{outcome}" unless outcome == 'handled'
    response.status = 204
  rescue Refusal => e
    puts "refused: #{e.message}"
    response.status = e.status
    response.body = e.message
  rescue StandardError => e
    puts "failed: #{e.message}"
    response.status = 500
  end

  private

  def refuse_method(response)
    response.status = 405
    response['Allow'] = 'POST'
  end

  def read_body(request)
    body = String.new
    request.body do |chunk|
      body << chunk
      raise Refusal.new(413, 'size') if body.bytesize > MAX_BODY_BYTES
    end
    body
  end
end

if $PROGRAM_NAME == __FILE__
  $stdout.sync = true
  secrets, public_keys = %w[HOOKLINE_SECRET HOOKLINE_PUBLIC_KEY].map { |name| ENV.fetch(name, '').split(',') }
  receiver = Receiver.new(Verifier.new(secrets, public_keys), HANDLERS)
  port = Integer(ENV.fetch('PORT', '3000'))
  log = WEBrick::Log.new($stderr, WEBrick::BasicLog::WARN)
  started = -> { puts "listening on http://127.0.0.1:#{port}/webhooks" }
  server = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: port, Logger: log, AccessLog: [], StartCallback: started)
  server.mount('/', Webhooks, receiver)
  %w[INT TERM].each { |signal| trap(signal) { server.shutdown } }
  server.start
end
