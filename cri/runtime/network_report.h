// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What `davit network` shows: the node's network with the pods on it.
#pragma once

#include "api/davit/v1/davit.pb.h"
#include "base/error.h"
#include "cri/network/pod_network.h"
#include "cri/pods/pod_table.h"

namespace davit::cri {

// Thread-safe. Reads what is known and waits for nothing.
class NetworkReport {
 public:
  // Both must outlive the object.
  NetworkReport(const PodTable& pods, PodNetwork& network) : pods_(pods), network_(network) {}

  // As api/davit/v1/davit.proto says. Every text is valid UTF-8 of one line.
  Result<::davit::v1::NetworkStatusResponse> Status() const;

 private:
  void AddPods(const NetworkDescription& network, ::davit::v1::NetworkStatusResponse& response) const;

  const PodTable& pods_;
  PodNetwork& network_;
};

}  // namespace davit::cri
