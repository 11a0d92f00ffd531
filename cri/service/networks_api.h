// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The part of the service davit.v1.Networks that is about the node's network, over gRPC; the rest is in
// local/networks_api.h. api/davit/v1/davit.proto says what its methods promise.
#pragma once

#include "api/davit/v1/davit.grpc.pb.h"
#include "cri/runtime/network_report.h"
#include "cri/service/rpc.h"

namespace davit::cri {

class NetworksApi : public ::davit::v1::Networks::Service {
 public:
  // All must outlive the service.
  NetworksApi(const NetworkReport& report, Admission& admission, const Logger& log)
      : report_(report), edge_{log, admission} {}

  grpc::Status Status(grpc::ServerContext* context, const ::davit::v1::NetworkStatusRequest* request,
                      ::davit::v1::NetworkStatusResponse* response) override;

 private:
  const NetworkReport& report_;
  const Edge edge_;
};

}  // namespace davit::cri
