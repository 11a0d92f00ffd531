// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The service davit.v1.Networks over gRPC: api/davit/v1/davit.proto says what its methods promise.
#pragma once

#include "api/davit/v1/davit.grpc.pb.h"
#include "cri/service/networks_api.h"
#include "cri/service/rpc.h"
#include "local/networks.h"

namespace davit::local {

class NetworksApi final : public cri::NetworksApi {
 public:
  // All must outlive the service.
  NetworksApi(Networks& networks, const cri::NetworkReport& report, cri::Admission& admission,
              const Logger& log)
      : cri::NetworksApi(report, admission, log), networks_(networks), edge_{log, admission} {}

  grpc::Status Create(grpc::ServerContext* context, const api::CreateNetworkRequest* request,
                      api::CreateNetworkResponse* response) override;
  grpc::Status List(grpc::ServerContext* context, const api::ListNetworksRequest* request,
                    api::ListNetworksResponse* response) override;
  grpc::Status Inspect(grpc::ServerContext* context, const api::InspectNetworkRequest* request,
                       api::InspectNetworkResponse* response) override;
  grpc::Status Remove(grpc::ServerContext* context, const api::RemoveNetworkRequest* request,
                      api::RemoveNetworkResponse* response) override;
  grpc::Status Prune(grpc::ServerContext* context, const api::PruneNetworksRequest* request,
                     api::PruneNetworksResponse* response) override;

 private:
  Networks& networks_;
  const cri::Edge edge_;
};

}  // namespace davit::local
