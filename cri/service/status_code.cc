// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/status_code.h"

namespace davit::cri {
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

struct Word {
  Reason reason;
  const char* text;
  // The kubelet drops the code's name from in front of the message of UNKNOWN alone, and looks for the word
  // of a pull at the message's beginning (pullImage and evalCRIPullErr).
  bool needs_unknown;
};

// k8s.io/cri-api/pkg/errors
constexpr Word kWords[] = {
    {Reason::kRegistryUnavailable, "RegistryUnavailable", /*needs_unknown=*/true},
    {Reason::kSignatureValidationFailed, "SignatureValidationFailed", /*needs_unknown=*/true},
    {Reason::kImageVolumeMountFailed, "ImageVolumeMountFailed", /*needs_unknown=*/false},
    {Reason::kRecursiveReadOnlyUnsupported, "RROUnsupported", /*needs_unknown=*/false},
};

grpc::StatusCode StatusOf(Code code) {
  for (const Mapping& mapping : kMappings) {
    if (mapping.code == code) return mapping.status;
  }
  return grpc::StatusCode::UNKNOWN;
}

}  // namespace

grpc::Status ToGrpcStatus(const Error& error) {
  for (const Word& word : kWords) {
    if (word.reason != error.reason) continue;
    grpc::StatusCode status = word.needs_unknown ? grpc::StatusCode::UNKNOWN : StatusOf(error.code);
    return grpc::Status(status, std::string(word.text) + ": " + error.ToString());
  }
  return grpc::Status(StatusOf(error.code), error.ToString());
}

const char* GrpcCodeName(grpc::StatusCode code) {
  if (code == grpc::StatusCode::OK) return "OK";
  for (const Mapping& mapping : kMappings) {
    if (mapping.status == code) return mapping.name;
  }
  return "UNKNOWN";
}

}  // namespace davit::cri
