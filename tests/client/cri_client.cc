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
  // Its pauses grow to two minutes: a daemon that is killed every few seconds would be missed each time.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  auto channel = grpc::CreateCustomChannel("unix://" + socket, grpc::InsecureChannelCredentials(), arguments);
  runtime_ = v1::RuntimeService::NewStub(channel);
  images_ = v1::ImageService::NewStub(channel);
}

}  // namespace davit::client
