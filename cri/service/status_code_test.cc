// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/status_code.h"

#include <gtest/gtest.h>

namespace davit::cri {
namespace {

grpc::Status StatusOf(Reason reason, Code code) {
  return ToGrpcStatus(WithReason(reason, Fail(code, "pull", "registry.test/app:1", "no route").error()));
}

TEST(StatusCode, AnErrorKeepsItsCodeAndText) {
  grpc::Status status = StatusOf(Reason::kNone, Code::kNotFound);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "pull registry.test/app:1: no route");
}

// The words and their places are the kubelet's: k8s.io/cri-api/pkg/errors.
TEST(StatusCode, TheKubeletFindsTheWordsThatItKnowsAtTheBeginning) {
  grpc::Status registry = StatusOf(Reason::kRegistryUnavailable, Code::kUnavailable);
  EXPECT_EQ(registry.error_code(), grpc::StatusCode::UNKNOWN) << "it looks at no other code's message";
  EXPECT_EQ(registry.error_message(), "RegistryUnavailable: pull registry.test/app:1: no route");

  grpc::Status refused = StatusOf(Reason::kSignatureValidationFailed, Code::kPermissionDenied);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNKNOWN);
  EXPECT_EQ(refused.error_message(), "SignatureValidationFailed: pull registry.test/app:1: no route");

  grpc::Status volume = StatusOf(Reason::kImageVolumeMountFailed, Code::kNotFound);
  EXPECT_EQ(volume.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(volume.error_message(), "ImageVolumeMountFailed: pull registry.test/app:1: no route");

  grpc::Status read_only = StatusOf(Reason::kRecursiveReadOnlyUnsupported, Code::kUnimplemented);
  EXPECT_EQ(read_only.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(read_only.error_message(), "RROUnsupported: pull registry.test/app:1: no route");
}

TEST(StatusCode, StepsAroundAnErrorKeepItsReason) {
  Error error = WithReason(Reason::kRegistryUnavailable, Fail(Code::kUnavailable, "fetch", "app").error());
  error = WithReason(Reason::kImageVolumeMountFailed, Within("pull", std::move(error)));
  EXPECT_EQ(ToGrpcStatus(error).error_message(), "RegistryUnavailable: pull: fetch app");
}

}  // namespace
}  // namespace davit::cri
