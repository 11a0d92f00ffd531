// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// TLS settings of the hosts that a registry sends the client to: redirect targets and token servers.
#pragma once

#include <map>
#include <string>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/http_client.h"
#include "images/url.h"

namespace davit::images {

// Settings hold for the host that the configuration names, and for no other: a host that is reached through a
// registry has the settings of its own directory in certs.d, or else the system's CAs. Client certificates
// are for registries that the configuration names for the image, so that no registry can make the node use
// one. Thread-safe.
class OriginTls {
 public:
  // `certs_d` as in RegistryHostsFor.
  explicit OriginTls(std::string certs_d) : certs_d_(std::move(certs_d)) {}

  const std::string& certs_d() const { return certs_d_; }

  // Of a redirect target. Errors as in RegistryHostsFor and LoadTls.
  Result<ClientTls> ForTarget(const Url& target);

  // Of the token server that `registry` names. The settings of the registry if both have the same origin.
  // Otherwise as ForTarget, and the registry's CAs are trusted, too: who can vouch for the registry decides
  // anyway which token server is used.
  Result<ClientTls> ForTokenServer(const Url& token_server, const Url& registry,
                                   const ClientTls& registry_tls);

 private:
  const std::string certs_d_;
  Mutex mutex_;
  std::map<std::string, ClientTls> loaded_ GUARDED_BY(mutex_);  // by Url::HostPort
};

}  // namespace davit::images
