// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/status_code.h"

namespace davit {
namespace {

struct Mapping {
  Code code;
  grpc::StatusCode status;
  const char* name;
};

constexpr Mapping kMappings[] = {
    {Code::kInvalidArgument, grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT"},
    {Code::kNotFound, grpc::StatusCode::NOT_FOUND, "NOT_FOUND"},
    {Code::kAlreadyExists, grpc::StatusCode::ALREADY_EXISTS, "ALREADY_EXISTS"},
    {Code::kFailedPrecondition, grpc::StatusCode::FAILED_PRECONDITION, "FAILED_PRECONDITION"},
    {Code::kPermissionDenied, grpc::StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"},
    {Code::kUnauthenticated, grpc::StatusCode::UNAUTHENTICATED, "UNAUTHENTICATED"},
    {Code::kResourceExhausted, grpc::StatusCode::RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"},
    {Code::kDeadlineExceeded, grpc::StatusCode::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"},
    {Code::kCancelled, grpc::StatusCode::CANCELLED, "CANCELLED"},
    {Code::kUnavailable, grpc::StatusCode::UNAVAILABLE, "UNAVAILABLE"},
    {Code::kUnimplemented, grpc::StatusCode::UNIMPLEMENTED, "UNIMPLEMENTED"},
    {Code::kDataLoss, grpc::StatusCode::DATA_LOSS, "DATA_LOSS"},
    {Code::kInternal, grpc::StatusCode::INTERNAL, "INTERNAL"},
};

}  // namespace

grpc::Status ToGrpcStatus(const Error& error) {
  for (const Mapping& mapping : kMappings) {
    if (mapping.code == error.code) return grpc::Status(mapping.status, error.ToString());
  }
  return grpc::Status(grpc::StatusCode::UNKNOWN, error.ToString());
}

const char* GrpcCodeName(grpc::StatusCode code) {
  if (code == grpc::StatusCode::OK) return "OK";
  for (const Mapping& mapping : kMappings) {
    if (mapping.status == code) return mapping.name;
  }
  return "UNKNOWN";
}

}  // namespace davit
