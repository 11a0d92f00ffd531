// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/client/cri_client.h"

namespace davit::client {
namespace {

constexpr int kMaxMessageBytes = 16 << 20;  // the kubelet's own limit

}  // namespace

CriClient::CriClient(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // A channel of its own: gRPC otherwise shares one among all clients of an address, and with it the back-off
  // after a daemon has been killed.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto channel = grpc::CreateCustomChannel("unix://" + socket, grpc::InsecureChannelCredentials(), arguments);
  runtime_ = v1::RuntimeService::NewStub(channel);
  images_ = v1::ImageService::NewStub(channel);
}

}  // namespace davit::client
