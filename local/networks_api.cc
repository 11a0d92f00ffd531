// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/networks_api.h"

#include "cri/service/entitlement.h"
#include "cri/service/field_limits.h"

namespace davit::local {
namespace {

using cri::Call;
using cri::CallClass;

constexpr size_t kMostNetworkBytes = 255;
constexpr size_t kMostNetworkSpecBytes = 64 << 10;

}  // namespace

grpc::Status NetworksApi::Create(grpc::ServerContext* context, const api::CreateNetworkRequest* request,
                                 api::CreateNetworkResponse* response) {
  return cri::Serve(edge_, CallClass::kStart, context, "Networks.Create", request->name(), response,
                    [&](Call&) -> Result<api::CreateNetworkResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(cri::RequireText("name", request->name(), kMostNetworkBytes));
                      if (request->spec().ByteSizeLong() > kMostNetworkSpecBytes)
                        return Fail(Code::kInvalidArgument, "read", "spec", "is larger than 64 KiB");
                      api::CreateNetworkResponse answer;
                      answer.set_id(TRY(networks_.Create(request->name(), request->spec())));
                      return answer;
                    });
}

grpc::Status NetworksApi::List(grpc::ServerContext* context, const api::ListNetworksRequest*,
                               api::ListNetworksResponse* response) {
  return cri::Serve(edge_, CallClass::kLook, context, "Networks.List", "", response,
                    [&](Call&) -> Result<api::ListNetworksResponse> {
                      TRY(cri::RequireEntitled(*context));
                      api::ListNetworksResponse answer;
                      for (api::Network& network : networks_.List())
                        *answer.add_networks() = std::move(network);
                      return answer;
                    });
}

grpc::Status NetworksApi::Inspect(grpc::ServerContext* context, const api::InspectNetworkRequest* request,
                                  api::InspectNetworkResponse* response) {
  return cri::Serve(edge_, CallClass::kLook, context, "Networks.Inspect", request->network(), response,
                    [&](Call&) -> Result<api::InspectNetworkResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(cri::RequireText("network", request->network(), kMostNetworkBytes));
                      api::InspectNetworkResponse answer;
                      *answer.mutable_network() = TRY(networks_.Inspect(request->network()));
                      return answer;
                    });
}

grpc::Status NetworksApi::Remove(grpc::ServerContext* context, const api::RemoveNetworkRequest* request,
                                 api::RemoveNetworkResponse* response) {
  return cri::Serve(edge_, CallClass::kRemove, context, "Networks.Remove", request->network(), response,
                    [&](Call&) -> Result<api::RemoveNetworkResponse> {
                      TRY(cri::RequireEntitled(*context));
                      TRY(cri::RequireText("network", request->network(), kMostNetworkBytes));
                      api::RemoveNetworkResponse answer;
                      answer.set_name(TRY(networks_.Remove(request->network())));
                      return answer;
                    });
}

grpc::Status NetworksApi::Prune(grpc::ServerContext* context, const api::PruneNetworksRequest*,
                                api::PruneNetworksResponse* response) {
  return cri::Serve(edge_, CallClass::kRemove, context, "Networks.Prune", "", response,
                    [&](Call&) -> Result<api::PruneNetworksResponse> {
                      TRY(cri::RequireEntitled(*context));
                      api::PruneNetworksResponse answer;
                      for (std::string& name : TRY(networks_.Prune())) answer.add_removed(std::move(name));
                      return answer;
                    });
}

}  // namespace davit::local
