// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Converts errors to gRPC statuses.
#pragma once

#include <grpcpp/support/status.h>

#include "base/error.h"

namespace davit::cri {

// The one table from Code to gRPC's codes (https://grpc.io/docs/guides/status-codes/). The message is the
// error's text. For an error with a Reason, the message begins with the word that the kubelet looks for, and
// the code is the one that the kubelet expects with this word.
grpc::Status ToGrpcStatus(const Error& error);

const char* GrpcCodeName(grpc::StatusCode code);

}  // namespace davit::cri
