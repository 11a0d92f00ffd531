// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// An HTTP client over libcurl.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/interrupt.h"
#include "images/proxy_settings.h"
#include "images/registry_host.h"
#include "images/url.h"

namespace davit::images {

// TlsSettings with their CA files read. They are for one host (origin_tls.h).
struct ClientTls {
  std::string ca_pem;       // in addition to the system's CAs; empty: only those
  std::string certificate;  // file names in PEM; empty: no client certificate
  std::string key;
  bool skip_verify = false;
};

// kFailedPrecondition names a file that cannot be read. Of several client certificates the first is used.
Result<ClientTls> LoadTls(const TlsSettings& settings);

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kPatch };

struct OutgoingRequest {
  Url url;
  Method method = Method::kGet;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string form;                  // sent as a POST if not empty, whatever the method
  std::string_view body;             // of a POST, PUT or PATCH
  const ClientTls* tls = nullptr;    // null: the system's CAs
  std::optional<std::string> proxy;  // its URL, empty: none; nullopt: as the client's settings say
  int64_t connect_timeout_ms = 0;    // 0: the client's default
  size_t body_limit = 0;   // of HttpResponse::body, in bytes; a longer body of a 200 is kResourceExhausted
  int64_t first_byte = 0;  // of the body; if not 0, the rest is requested (RFC 9110 section 14.2)
  // Another host, which was not asked yet, may do better: the peer has to be faster.
  bool has_alternative = false;
  // How long the peer may take to answer once the request was sent: a registry stores a blob before it
  // answers. 0: as long as the peer may be slow.
  int answer_timeout_seconds = 0;
  // How much of `body` was sent so far, in bytes. Called on the thread of Send, often; may be empty.
  std::function<void(int64_t bytes)> on_sent;
};

// Why a certificate was not accepted.
enum class Distrust : uint8_t {
  kNone,         // it was
  kUnknownCa,    // nobody whom this node trusts has signed it
  kNotValidNow,  // it has expired, or is not valid yet
  kOther,        // it is another host's, or this client's own cannot be used
};

struct HttpResponse {
  Url url;  // of the request
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  int64_t retry_after_ms = 0;  // from Retry-After, as seconds or as a date; 0: none
  // The peer did not answer the TLS handshake with TLS; it may speak plain http. `status` is 0.
  bool not_tls = false;
  // Why the peer's certificate was not accepted; empty if it was. `status` is 0.
  std::string untrusted;
  Distrust distrust = Distrust::kNone;

  // The first header of that name; empty when there is none.
  std::string Header(std::string_view name) const;
  std::vector<std::string> Headers(std::string_view name) const;
};

// Receives the body of a 200 or 206 piece by piece, instead of HttpResponse::body. An error ends the
// transfer, and Send returns it. Write may block; that time does not count against the peer's speed.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // Called before the first piece: the position of the body's first byte. 0 for a 200; for a 206 what its
  // Content-Range says, which may differ from what was requested.
  virtual Result<> Begin(int64_t first_byte) = 0;
  virtual Result<> Write(std::string_view piece) = 0;
};

// Thread-safe. Redirects and 401 are returned like any other response: the caller decides which headers the
// next host receives.
class HttpClient {
 public:
  struct Limits {
    int64_t low_speed_bytes = 1024;  // per second, over the time below; slower transfers are aborted
    int low_speed_seconds = 30;
    int64_t fair_speed_bytes = 64 << 10;  // the same for requests that another host may answer as well
    int connect_timeout_seconds = 30;
  };

  HttpClient(Limits limits, ProxySettings proxies);
  ~HttpClient();

  // Sends one request and blocks until its response is complete. Connections are kept for the next request to
  // the same host. The content is requested without a content coding (RFC 9110 section 12.5.3);
  // HttpResponse:: body is decoded if the peer uses one nevertheless, a sink gets the bytes as they are.
  // `request` refers to objects that outlive the call.
  // Errors name the host, never the URL, whose query may contain a signature: kUnavailable (no connection;
  // with ETIMEDOUT: too slow), kDataLoss (closed too early), kCancelled, kResourceExhausted.
  Result<HttpResponse> Send(const OutgoingRequest& request, const Interrupt& interrupt,
                            BodySink* sink = nullptr);

 private:
  struct Slot;

  std::unique_ptr<Slot> TakeSlot();

  const Limits limits_;
  const ProxySettings proxies_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Slot>> idle_ GUARDED_BY(mutex_);
};

}  // namespace davit::images
