// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Requests objects from one host of a registry: logs in, follows redirects, and classifies the answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/attempts.h"
#include "images/authorizer.h"
#include "images/http_client.h"
#include "images/interrupt.h"
#include "images/origin_tls.h"
#include "images/registry_host.h"
#include "images/url.h"

namespace davit::images {

struct ObjectRequest {
  std::string path;        // below the root of the API: "library/busybox/manifests/latest"
  std::string registry;    // of the image's reference; a mirror for several registries needs it
  std::string accept;      // empty: no Accept header
  int64_t first_byte = 0;  // of the object
};

// A setback without step and subject: the host will not serve the object, however often it is asked.
std::unexpected<Setback> Refuse(Code code, std::string_view why);

// Whether a response carries the object from `first_byte` on; if not, what its status means for the next
// attempt.
Attempted<> Accept(const HttpResponse& response, int64_t first_byte);

// Thread-safe.
class HostClient {
 public:
  // What the clients of one pull share.
  struct Shared {
    HttpClient& http;
    Authorizer& authorizer;
    OriginTls& origin_tls;
    const Interrupt& interrupt;
  };

  // `shared` refers to objects that outlive the client. Errors as in LoadTls.
  static Result<std::unique_ptr<HostClient>> Create(RegistryHost host, Shared shared);

  const RegistryHost& host() const { return host_; }

  // Sends a GET and returns the answer 200, or 206 if the request begins after the first byte. The body goes
  // to `sink`; without one it is at most 8 MiB.
  Attempted<HttpResponse> Get(const ObjectRequest& request, BodySink* sink);

  // False if the host could not be reached the last time. Later requests should try it last.
  bool reachable() const { return reachable_; }
  void set_reachable(bool reachable) { reachable_ = reachable; }

 private:
  HostClient(RegistryHost host, ClientTls tls, Shared shared)
      : host_(std::move(host)), tls_(std::move(tls)), shared_(shared) {}

  Result<Url> UrlOf(const ObjectRequest& request) const;
  Attempted<HttpResponse> GetFollowing(const ObjectRequest& request, const Url& first, BodySink* sink);
  Result<HttpResponse> GetAuthorized(const ObjectRequest& request, const Url& url, Audience audience,
                                     BodySink* sink);

  const RegistryHost host_;
  const ClientTls tls_;
  const Shared shared_;
  std::atomic<bool> plain_http_ = false;  // learnt from a host with http_fallback
  std::atomic<bool> reachable_ = true;
};

}  // namespace davit::images
