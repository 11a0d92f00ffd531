// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Devices of the Container Device Interface.

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Cdi : public PodTest {
 protected:
  void TearDown() override {
    PodTest::TearDown();
    fs::remove_all(Dir("cdi"));
    fs::remove_all(Dir("cdi-static"));
  }

  std::string Dir(const std::string& name) { return instance().directory() + "/" + name; }
  void Write(const std::string& file, const std::string& text) {
    fs::create_directories(fs::path(Dir(file)).parent_path());
    std::ofstream(Dir(file)) << text;
  }

  static void AddDevice(v1::ContainerConfig& config, const std::string& name) {
    config.add_cdi_devices()->set_name(name);
  }
  Answer<v1::CreateContainerResponse> TryCreate(const std::string& device) {
    v1::PodSandboxConfig pod_config = PodConfig();
    v1::ContainerConfig config = IdleConfig();
    AddDevice(config, device);
    return PodTest::TryCreate(RunPod(pod_config), pod_config, config);
  }
};

TEST_F(Cdi, ADeviceBringsItsNodesVariablesMountsAndGroups) {
  Write("vendor/library", "from the vendor\n");
  Write("cdi/vendor.yaml", R"(
cdiVersion: 0.7.0
kind: vendor.test/device
containerEdits:
  env: [VENDOR=yes]
devices:
  - name: one
    containerEdits:
      additionalGids: [4242]
      deviceNodes:
        - {path: /dev/vendor-random, hostPath: /dev/urandom, permissions: r, fileMode: 0444}
        - {path: /dev/vendor-kmsg, hostPath: /dev/kmsg, permissions: w}
      mounts:
        - {hostPath: )" + Dir("vendor/library") +
                               R"(, containerPath: /usr/lib/vendor, options: [ro, nosuid, nodev, bind]}
)");
  std::string container =
      RunIdle([](auto&, v1::ContainerConfig& config) { AddDevice(config, "vendor.test/device=one"); });

  EXPECT_EQ(Shell(container, "echo $VENDOR"), "yes");
  EXPECT_EQ(Shell(container, "stat -c '%t:%T %a' /dev/vendor-random"), "1:9 444");
  EXPECT_EQ(Shell(container, "head -c 8 /dev/vendor-random | wc -c"), "8");
  EXPECT_EQ(Shell(container, "head -c 1 /dev/vendor-kmsg > /dev/null 2>&1 || echo refused"), "refused")
      << "only writing is allowed";
  EXPECT_EQ(Shell(container, "cat /usr/lib/vendor"), "from the vendor");
  EXPECT_EQ(Shell(container, "echo x 2>/dev/null > /usr/lib/vendor || echo refused"), "refused");
  EXPECT_THAT(Shell(container, "id -G"), HasSubstr("4242"));
}

TEST_F(Cdi, AnUnknownDeviceIsNamedAndAFileThatComesIsSeenAtOnce) {
  EXPECT_THAT(TryCreate("vendor.test/device=late"),
              FailsWith(grpc::StatusCode::NOT_FOUND, "vendor.test/device=late"));
  Write("cdi-static/late.json", R"({"cdiVersion": "0.5.0", "kind": "vendor.test/device",
                                    "devices": [{"name": "late", "containerEdits": {"env": ["LATE=1"]}}]})");
  EXPECT_THAT(TryCreate("vendor.test/device=late"), Succeeds());
  EXPECT_THAT(TryCreate("not a device"), FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "not a device"));
}

TEST_F(Cdi, WhatIsWrongWithTheFilesIsInTheVerboseStatus) {
  Write("cdi/broken.json", R"({"cdiVersion": "0.5.0", "kind": "vendor"})");
  Write("cdi/hook.json", R"({"cdiVersion": "0.5.0", "kind": "vendor.test/hooked", "devices": [{"name": "one",
      "containerEdits": {"hooks": [{"hookName": "createContainer", "path": "/usr/bin/hook"}]}}]})");
  v1::StatusRequest request;
  request.set_verbose(true);

  auto info = Must(cri().Ask(&RuntimeStub::Status, request)).info();

  auto cdi = nlohmann::json::parse(info.at("cdi"));
  EXPECT_EQ(cdi["devices"], nlohmann::json::array({"vendor.test/hooked=one"}));
  ASSERT_EQ(cdi["errors"].size(), 1u);
  EXPECT_THAT(cdi["errors"][0].get<std::string>(), AllOf(HasSubstr("broken.json"), HasSubstr("kind")));
  EXPECT_THAT(TryCreate("vendor.test/hooked=one"),
              FailsWith(grpc::StatusCode::UNIMPLEMENTED, "/usr/bin/hook"));
}

}  // namespace
}  // namespace davit::e2e
