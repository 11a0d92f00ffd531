// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Talks to one host of a registry: logs in, follows redirects, and classifies the answers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "images/advice.h"
#include "images/attempts.h"
#include "images/authorizer.h"
#include "images/busy_pause.h"
#include "images/http_client.h"
#include "images/interrupt.h"
#include "images/origin_tls.h"
#include "images/registry_host.h"
#include "images/url.h"

namespace davit::images {

struct ObjectRequest {
  std::string path;              // below the root of the API: "library/busybox/manifests/latest"
  std::string registry;          // of the image's reference; a mirror for several registries needs it
  std::string accept;            // empty: no Accept header
  int64_t first_byte = 0;        // of the object
  bool has_alternative = false;  // as in OutgoingRequest
};

// A request of a push.
struct ApiRequest {
  Method method = Method::kGet;
  std::string path;             // below the root of the API, with its query
  std::string registry;         // as in ObjectRequest
  std::optional<Url> location;  // instead of `path`: what the host has sent as the place of an upload
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view body;
  int answer_timeout_seconds = 0;              // as in OutgoingRequest
  std::function<void(int64_t bytes)> on_sent;  // as in OutgoingRequest
};

// Thread-safe. Once the host has asked for a pause (Retry-After), every request gets that answer again until
// the pause ends, as a setback with the rest of it, and nothing is sent.
class HostClient {
 public:
  // What the clients of one pull share.
  struct Shared {
    HttpClient& http;
    Authorizer& authorizer;
    OriginTls& origin_tls;
    const Interrupt& interrupt;
    std::string registry;  // of the image's reference: its hosts.toml has the host's settings
  };

  // `shared` refers to objects that outlive the client. Errors as in LoadTls.
  static Result<std::unique_ptr<HostClient>> Create(RegistryHost host, Shared shared);

  const RegistryHost& host() const { return host_; }
  // The root of the host's API, as far as is known which scheme it uses.
  Url ApiUrl() const;

  // Sends a GET and returns the answer 200, or 206 if the request begins after the first byte. The body goes
  // to `sink`; without one it is at most 4 MiB.
  Attempted<HttpResponse> Get(const ObjectRequest& request, BodySink* sink);

  // Sends a request and returns the last answer, whatever its status. A body is repeated only where a
  // redirect asks for it (307, 308).
  Attempted<HttpResponse> Send(const ApiRequest& request);

  // Whether the host does not get the credentials that there are, because they are for another one.
  bool withholds_credentials() const { return shared_.authorizer.Withholds(Audience::kRegistry, ApiUrl()); }

  // False if the host could not be reached the last time. Later requests should try it last.
  bool reachable() const { return reachable_; }
  void set_reachable(bool reachable) { reachable_ = reachable; }

 private:
  HostClient(RegistryHost host, ClientTls tls, Shared shared)
      : host_(std::move(host)), tls_(std::move(tls)), shared_(shared) {}

  Result<Url> UrlOf(const std::string& path, const std::string& registry) const;
  OutgoingRequest Prepare(Url url) const;
  Attempted<HttpResponse> SendFollowing(OutgoingRequest request, const std::string& own_origin,
                                        BodySink* sink);
  Attempted<HttpResponse> SendUnlessPaused(OutgoingRequest request, const std::string& own_origin,
                                           BodySink* sink);
  Attempted<HttpResponse> SendAuthorized(const OutgoingRequest& request, Audience audience, BodySink* sink);
  bool FallBackToPlainHttp(const Url& url);
  HostPlace Place() const;
  std::unexpected<Setback> SpeaksNoTls(const HttpResponse& response) const;

  const RegistryHost host_;
  const ClientTls tls_;
  const Shared shared_;
  std::atomic<bool> plain_http_ = false;  // learnt from a host with http_fallback
  std::atomic<bool> reachable_ = true;
  BusyPause pause_;
};

}  // namespace davit::images
