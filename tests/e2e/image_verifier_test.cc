// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Image verifiers decide about pulls; what the kubelet learns of it.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ImageVerifiers : public OwnInstanceTest {
 protected:
  void Configure() {
    std::filesystem::create_directory(bin_dir_);
    std::filesystem::create_directory(instance().directory() + "/config.d");
    std::ofstream(instance().directory() + "/config.d/verifier.toml")
        << "[image.verifier]\nbin_dir = \"" << bin_dir_ << "\"\n";
    Disconnect();
    instance().Kill();
    instance().Restart();
    Reconnect();
  }
  void AddVerifier(const std::string& commands) {
    std::string file = bin_dir_ + "/policy";
    std::ofstream(file) << "#!/bin/sh\n" << commands << "\n";
    chmod(file.c_str(), 0755);
  }
  Answer<v1::PullImageResponse> Pull() {
    v1::PullImageRequest request;
    request.mutable_image()->set_image(kBusybox);
    return cri().Ask(&ImageStub::PullImage, request);
  }

  const std::string bin_dir_ = instance().directory() + "/verifiers";
};

TEST_F(ImageVerifiers, ARefusalHasTheKubeletsWordAndTheReason) {
  Configure();
  AddVerifier("echo nobody has signed \"$2\"; exit 1");

  auto refused = Pull();

  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::UNKNOWN) << "the kubelet's condition for the word";
  EXPECT_THAT(refused.status.error_message(),
              AllOf(StartsWith("SignatureValidationFailed: "),
                    HasSubstr("verifier policy refused it with status 1: nobody has signed " +
                              std::string(kBusybox))));
  AddVerifier("exit 0");
  EXPECT_THAT(Pull(), Succeeds());
}

}  // namespace
}  // namespace davit::e2e
