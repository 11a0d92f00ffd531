// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/networks_api.h"

#include "cri/service/entitlement.h"

namespace davit::cri {

namespace api = ::davit::v1;

grpc::Status NetworksApi::Status(grpc::ServerContext* context, const api::NetworkStatusRequest*,
                                 api::NetworkStatusResponse* response) {
  return Serve(edge_, CallClass::kLook, context, "Networks.Status", "", response,
               [&](Call&) -> Result<api::NetworkStatusResponse> {
                 TRY(RequireEntitled(*context));
                 return report_.Status();
               });
}

}  // namespace davit::cri
