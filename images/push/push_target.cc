// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/push/push_target.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "images/registry_host.h"

namespace davit::images {

Result<std::unique_ptr<PushTarget>> PushTarget::Connect(const Reference& reference,
                                                        const std::optional<RegistryAuth>& auth,
                                                        const std::string& mount_from,
                                                        const RegistryClient::Options& options,
                                                        const Interrupt& interrupt) {
  std::vector<RegistryHost> hosts = TRY(RegistryHostsFor(reference.host, options.certs_d));
  auto host = std::ranges::find_if(hosts, &RegistryHost::push);
  if (host == hosts.end()) {
    return Fail(Code::kFailedPrecondition, "", "",
                "no host of this registry has the capability \"push\" in its hosts.toml");
  }
  std::unique_ptr<PushTarget> target(new PushTarget(options, TRY(ProxySettings::OfThisProcess())));
  target->authorizer_ =
      TRY(Authorizer::Create(target->http_, target->origin_tls_, auth, reference.repository));
  std::vector<std::string> scopes = {"repository:" + reference.repository + ":pull,push"};
  if (!mount_from.empty()) scopes.push_back("repository:" + mount_from + ":pull");
  target->authorizer_->RequestScopes(std::move(scopes));
  target->authorizer_->SetServer(reference.host, hosts.back().host);
  target->host_ = TRY(HostClient::Create(std::move(*host), {target->http_, *target->authorizer_,
                                                            target->origin_tls_, interrupt, reference.host}));
  target->client_.emplace(*target->host_, reference);
  return target;
}

}  // namespace davit::images
