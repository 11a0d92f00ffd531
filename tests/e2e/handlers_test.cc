// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Runtime handlers of the configuration, which RuntimeClasses name.

#include <fstream>

#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

class ConfiguredHandlers : public OwnInstanceTest {
 protected:
  void SetUp() override {
    std::ofstream(instance().directory() + "/config.toml", std::ios::app)
        << "\n[handlers.runc]\ntype = \"davit\"\n";
    instance().Kill();
    instance().Restart();
    Reconnect();
  }

  Answer<v1::RunPodSandboxResponse> RunWith(const std::string& handler, const v1::PodSandboxConfig& config) {
    v1::RunPodSandboxRequest request;
    request.set_runtime_handler(handler);
    *request.mutable_config() = config;
    return cri().Ask(&RuntimeStub::RunPodSandbox, request);
  }
};

TEST_F(ConfiguredHandlers, RunPodsUnderTheirName) {
  v1::StatusResponse status = Must(cri().Ask(&RuntimeStub::Status, v1::StatusRequest()));
  ASSERT_EQ(status.runtime_handlers_size(), 2);
  EXPECT_EQ(status.runtime_handlers(0).name(), "");
  EXPECT_EQ(status.runtime_handlers(1).name(), "runc");

  v1::PodSandboxConfig config = PodConfig();
  std::string pod = Must(RunWith("runc", config)).pod_sandbox_id();
  EXPECT_EQ(Shell(CreateAndStart(pod, config, IdleConfig()), "echo alive"), "alive");
  EXPECT_EQ(PodStatusOf(pod).runtime_handler(), "runc");
  EXPECT_EQ(ListPods().at(0).runtime_handler(), "runc");
}

TEST_F(ConfiguredHandlers, AreNamedToAPodThatWantsAnother) {
  EXPECT_THAT(RunWith("kata", PodConfig()), FailsWith(grpc::StatusCode::NOT_FOUND, "\"runc\""));
}

}  // namespace
}  // namespace davit::e2e
