// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Several daemons on one host.

#include <cstdlib>

#include "tests/client/command.h"
#include "tests/e2e/http.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::SizeIs;

class Instances : public PodTest {
 protected:
  // Runs a web server under this configuration by another daemon.
  static std::string RunWebServer(CriClient& client, const v1::PodSandboxConfig& config) {
    v1::PullImageRequest pull;
    pull.mutable_image()->set_image(kWebServer);
    Must(client.Ask(&ImageStub::PullImage, pull));
    v1::RunPodSandboxRequest run;
    *run.mutable_config() = config;
    std::string pod = Must(client.Ask(&RuntimeStub::RunPodSandbox, run)).pod_sandbox_id();
    v1::CreateContainerRequest create;
    create.set_pod_sandbox_id(pod);
    *create.mutable_config() = ContainerConfig({}, "web", kWebServer);
    *create.mutable_sandbox_config() = config;
    v1::StartContainerRequest start;
    start.set_container_id(Must(client.Ask(&RuntimeStub::CreateContainer, create)).container_id());
    Must(client.Ask(&RuntimeStub::StartContainer, start));
    return pod;
  }

  static std::string AddressOf(CriClient& client, const std::string& pod) {
    v1::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(pod);
    return Must(client.Ask(&RuntimeStub::PodSandboxStatus, request)).status().network().ip();
  }

  static bool Answers(const std::string& address) {
    return HttpGet(address, 80).find("Welcome") != std::string::npos;
  }
};

TEST_F(Instances, ServeTheSamePodSideBySideAndEndSeparately) {
  v1::PodSandboxConfig config = PodConfig();
  std::string ours = AddressOf(cri(), RunWebServer(cri(), config));
  auto other = std::make_unique<Instance>();
  config.set_log_directory(other->directory() + "/logs");
  CriClient client(other->socket());
  std::string pod = RunWebServer(client, config);
  std::string theirs = AddressOf(client, pod);

  WaitUntil("our pod answers", [&] { return Answers(ours); });
  WaitUntil("their pod answers", [&] { return Answers(theirs); });
  v1::RemovePodSandboxRequest remove;
  remove.set_pod_sandbox_id(pod);
  Must(client.Ask(&RuntimeStub::RemovePodSandbox, remove));
  EXPECT_EQ(other->Stop(), "");

  EXPECT_TRUE(Answers(ours));
  EXPECT_THAT(ListPods(), SizeIs(1));
}

TEST_F(Instances, ASocketThatADaemonServesIsNotTakenOverByAnother) {
  cri();  // the first daemon serves
  std::string other = instance().directory() + "/other";
  client::CommandOutcome outcome = client::Run({std::string(getenv("DAVIT_BIN_DIR")) + "/davitd", "--config",
                                                instance().directory() + "/config.toml", "--root",
                                                other + "/root", "--state", other + "/state"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output,
              ::testing::HasSubstr("process " + std::to_string(instance().pid()) + " serves there already"));
  Must(NewClient()->Ask(&RuntimeStub::Version, v1::VersionRequest()));
}

}  // namespace
}  // namespace davit::e2e
