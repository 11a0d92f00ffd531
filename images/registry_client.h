// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fetches what belongs to one image (OCI distribution-spec, "Pull"), from whichever of its servers has it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "images/authorizer.h"
#include "images/http_client.h"
#include "images/interrupt.h"
#include "images/manifest.h"
#include "images/reference.h"
#include "images/registry_host.h"

namespace davit {

// Receives a blob. A blob may be begun more than once: when one server fails half-way, the next one starts
// from its first byte. What Write got counts only when FetchBlob returns without an error. An error of either
// method is final.
class BlobSink {
 public:
  virtual ~BlobSink() = default;
  virtual Result<> Begin() = 0;
  virtual Result<> Write(std::string_view piece) = 0;
};

struct ManifestDocument {
  std::string bytes;
  std::string media_type;  // as the server said
  std::string digest;      // of the bytes
};

// The client of one pull; thread-safe. Servers are tried in order, each for what it may serve, until one
// delivers what matches its digest. The error is the last server's and tells why the others failed, too; it
// names host and object.
class RegistryClient {
 public:
  // `interrupt` outlives the client.
  static Result<std::unique_ptr<RegistryClient>> Create(Reference reference, std::vector<RegistryHost> hosts,
                                                        const std::optional<RegistryAuth>& auth,
                                                        HttpClient::Limits limits,
                                                        const Interrupt& interrupt);
  ~RegistryClient();

  // The manifest or index that a tag or digest means, at most 8 MiB.
  Result<ManifestDocument> FetchManifest(const std::string& tag_or_digest);

  // A small blob, verified, at most 8 MiB.
  Result<std::string> FetchDocument(const Descriptor& descriptor);

  // Size and digest are verified when this returns.
  Result<> FetchBlob(const Descriptor& descriptor, BlobSink& sink);

 private:
  struct Server;
  struct Object;

  RegistryClient(Reference reference, HttpClient::Limits limits, const Interrupt& interrupt);

  Result<> FromAnyServer(const Object& object, const std::function<Result<>(Server&)>& fetch);
  Result<HttpResponse> Get(Server& server, const Object& object, BodySink* sink);
  Result<HttpResponse> GetFollowing(Server& server, const Object& object, const Url& url, BodySink* sink);
  Result<HttpResponse> GetAuthorized(Server& server, const Object& object, const Url& url, bool redirected,
                                     BodySink* sink);

  const Reference reference_;
  const Interrupt& interrupt_;
  HttpClient http_;
  std::unique_ptr<Authorizer> authorizer_;
  std::vector<std::unique_ptr<Server>> servers_;
};

}  // namespace davit
