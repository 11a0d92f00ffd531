// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/origin_tls.h"

#include <utility>

#include "images/registry_host.h"

namespace davit::images {

Result<ClientTls> OriginTls::ForTarget(const Url& target) {
  MutexLock lock(mutex_);
  if (auto known = loaded_.find(target.HostPort()); known != loaded_.end()) return known->second;
  ClientTls tls = TRY(LoadTls(TRY(ConfiguredTls(target, certs_d_))));
  tls.certificate = tls.key = "";
  return loaded_[target.HostPort()] = std::move(tls);
}

Result<ClientTls> OriginTls::ForTokenServer(const Url& token_server, const Url& registry,
                                            const ClientTls& registry_tls) {
  if (token_server.Origin() == registry.Origin()) return registry_tls;
  ClientTls tls = TRY(ForTarget(token_server));
  tls.ca_pem += registry_tls.ca_pem;
  return tls;
}

}  // namespace davit::images
