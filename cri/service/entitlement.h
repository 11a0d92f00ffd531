// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which clients may use Davit's own API (api/davit/v1/davit.proto).
//
// The kernel names the process that opened a connection (SO_PEERCRED), but gRPC tells a method nothing about
// the connection except how it is secured. So the server has two acceptors, and the daemon hands each new
// connection to one of them: to the one with EntitledCredentials if MayUseOwnApi, else to the one with
// insecure credentials. Both speak plain HTTP/2, and the CRI's services answer on both.
#pragma once

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <string>

#include "base/error.h"

namespace davit::cri {

// True for root, for the owner of the socket file at `path`, and for the file's group if its mode lets the
// group write. `connection` is a connected UNIX socket. False if the kernel does not say who the client is.
bool MayUseOwnApi(int connection, const std::string& path);

std::shared_ptr<grpc::ServerCredentials> EntitledCredentials();

// kPermissionDenied unless the call's connection was accepted with EntitledCredentials.
Result<> RequireEntitled(const grpc::ServerContext& context);

}  // namespace davit::cri
