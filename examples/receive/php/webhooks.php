<?php
/**
 * Receives Hookline's webhooks with the standard library, and prints a line for each.
 *
 *     HOOKLINE_SECRET=whsec_… php -S 127.0.0.1:3000 webhooks.php
 *
 * During a rotation HOOKLINE_SECRET holds both secrets, with a comma between them. An endpoint that signs with a key (v1a) has its
 * public half, whpk_…, in HOOKLINE_PUBLIC_KEY; it needs the extension sodium, which PHP has by default. Under php-fpm or Apache set the
 * variables there. PHP 8.1 or newer, 64 bits.
 */

declare(strict_types=1);

const MAX_BODY_BYTES = 1024 * 1024;
/** Most seconds that the time of a request may be off ours. */
const TOLERANCE_SECONDS = 300;
/** Most signatures of a request that are compared. */
const MAX_SIGNATURES = 8;
/** Version of the schemas that this program reads. */
const SCHEMA_VERSION = 1;

/** A request that is answered with this status; its message is the reason: headers, timestamp, signature, size or body. */
final class Refusal extends Exception
{
}

/**
 * Handlers by type of event; all others are skipped. Answer first, work afterwards: put the event on a queue here. What throws is
 * answered with 500, and sent again.
 */
function handlers(): array
{
    $print = fn (array $event) => say("handled: {$event['type']} {$event['subject']['kind']}/{$event['subject']['id']}");
    return [
        'inventory.updated' => $print, // a product's availability or a quantity changed
        'checkout.completed' => $print, // an order came out of a chat session or a checkout
        'product.created' => $print,
        'product.updated' => $print,
        'product.deleted' => $print,
    ];
}

/** Keys in a variable, with commas between them: each a prefix and base64. */
function keys(string $variable, string $prefix, int $min, int $max): array
{
    $keys = [];
    foreach (array_filter(array_map('trim', explode(',', (string) getenv($variable)))) as $text) {
        $key = base64_decode(str_starts_with($text, $prefix) ? substr($text, strlen($prefix)) : $text, true);
        if ($key === false || strlen($key) < $min || strlen($key) > $max) {
            throw new RuntimeException("$variable is not \"$prefix\" and base64, as Hookline shows it when an endpoint is created");
        }
        $keys[] = $key;
    }
    return $keys;
}

/** Checks that the body, byte for byte, is Hookline's, and was sent now. Returns the id of the event. */
function verify(array $server, string $body, array $secrets, array $public, int $now): string
{
    $id = $server['HTTP_WEBHOOK_ID'] ?? '';
    $timestamp = $server['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    $signatures = $server['HTTP_WEBHOOK_SIGNATURE'] ?? '';
    if ($id === '' || $timestamp === '' || $signatures === '') {
        throw new Refusal('headers', 403);
    }
    if (!preg_match('/^[1-9][0-9]{0,14}$/D', $timestamp) || abs($now - (int) $timestamp) > TOLERANCE_SECONDS) {
        throw new Refusal('timestamp', 403);
    }
    $signed = "$id.$timestamp.$body";
    $received = preg_grep('/^v1a?,/', explode(' ', $signatures));
    foreach (array_slice($received, 0, MAX_SIGNATURES) as $each) {
        [$version, $text] = explode(',', $each, 2);
        foreach ($version === 'v1' ? $secrets : [] as $secret) {
            // Compares in constant time.
            if (hash_equals(base64_encode(hash_hmac('sha256', $signed, $secret, true)), $text)) {
                return $id;
            }
        }
        $signature = $version === 'v1a' ? base64_decode($text, true) : false;
        if ($signature === false || strlen($signature) !== 64) {
            continue;
        }
        foreach ($public as $key) {
            if (sodium_crypto_sign_verify_detached($signature, $signed, $key)) {
                return $id;
            }
        }
    }
    throw new Refusal('signature', 403);
}

/** The event in a body. Of a later version only id, type and version are known. */
function read_event(string $body): array
{
    // Refuses bytes that are not UTF-8.
    $event = json_decode($body, true);
    $are_texts = fn (mixed $object, string ...$names) => is_array($object)
        && array_reduce($names, fn (bool $all, string $name) => $all && is_string($object[$name] ?? null), true);
    $is_event = $are_texts($event, 'id', 'type') && is_int($event['version'] ?? null) && $event['version'] >= 1;
    if ($is_event && $event['version'] <= SCHEMA_VERSION) {
        $is_event = $are_texts($event['store'] ?? null, 'source', 'id') && $are_texts($event['subject'] ?? null, 'kind', 'id');
    }
    return $is_event ? $event : throw new Refusal('body', 400);
}

/**
 * Calls $handle once for an id, and for no older state after a newer one. Returns what came of it: handled, seen or older.
 *
 * PHP forgets everything after a request, so this remembers in files below the system's folder for temporary files, which
 * nothing removes. In production, in one transaction with the handler:
 *
 *     INSERT INTO webhooks (id) VALUES (?)                              -- a unique key: there already means seen
 *     UPDATE products SET version = ?, … WHERE id = ? AND version <= ?  -- no row means older
 */
function once(string $id, array $event, callable $handle): string
{
    $folder = getenv('HOOKLINE_FOLDER') ?: sys_get_temp_dir() . '/hookline-webhooks';
    is_dir($folder) || mkdir($folder, 0700, true);
    // A copy that arrives meanwhile waits.
    $lock = fopen("$folder/lock", 'c');
    flock($lock, LOCK_EX);
    try {
        $seen = "$folder/seen-" . hash('sha256', $id);
        if (file_exists($seen)) {
            return 'seen';
        }
        $version = $event['subject']['version'] ?? null;
        $thing = json_encode([$event['store'], $event['subject']['kind'], $event['subject']['id']]);
        $newest = "$folder/newest-" . hash('sha256', $thing);
        // Two events of one state have the same version. It has at most 63 bits.
        $is_older = $version !== null && (int) $version < (int) @file_get_contents($newest);
        if (!$is_older) {
            $version === null || file_put_contents($newest, $version);
            $handle($event);
        }
        touch($seen);
        return $is_older ? 'older' : 'handled';
    } finally {
        fclose($lock);
    }
}

/** Reads, verifies and handles a request, in this order. */
function take(array $server): void
{
    $body = (string) stream_get_contents(fopen('php://input', 'rb'), MAX_BODY_BYTES + 1);
    if (strlen($body) > MAX_BODY_BYTES) {
        throw new Refusal('size', 413);
    }
    $secrets = keys('HOOKLINE_SECRET', 'whsec_', 24, 64);
    $public = keys('HOOKLINE_PUBLIC_KEY', 'whpk_', 32, 32);
    if (!$secrets && !$public) {
        throw new RuntimeException('HOOKLINE_SECRET is missing: set it to the secret of the endpoint');
    }
    $id = verify($server, $body, $secrets, $public, time());
    $event = read_event($body);
    $handle = handlers()[$event['type']] ?? null;
    $outcome = match (true) {
        $event['version'] > SCHEMA_VERSION => 'version',
        $handle === null => 'type',
        default => once($id, $event, $handle),
    };
    $outcome === 'handled' || say("skipped: $outcome");
}

/** Prints a line to the log. */
function say(string $line): void
{
    file_put_contents('php://stderr', "$line\n");
}

// Answers 204, or 400, 403, 405, 413 with the reason. After any other status than 2xx the event is sent again.
if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    http_response_code(405);
    header('Allow: POST');
    exit;
}
try {
    take($_SERVER);
    http_response_code(204);
} catch (Refusal $refusal) {
    say("refused: {$refusal->getMessage()}");
    http_response_code($refusal->getCode());
    header('Content-Type: text/plain');
    echo $refusal->getMessage();
} catch (Throwable $error) {
    say("failed: {$error->getMessage()}");
    http_response_code(500);
}
