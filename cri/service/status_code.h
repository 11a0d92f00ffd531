// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Errors on the wire.
#pragma once

#include <grpcpp/support/status.h>

#include "base/error.h"

namespace davit {

// The one table from Code to gRPC's codes (https://grpc.io/docs/guides/status-codes/). The message is the
// error's text. An error with a Reason begins with the word by which the kubelet knows it, and has the code
// that the kubelet expects with that word.
grpc::Status ToGrpcStatus(const Error& error);

const char* GrpcCodeName(grpc::StatusCode code);

}  // namespace davit
