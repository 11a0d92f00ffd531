// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The fixture of the tests of Davit's own API (api/davit/v1/davit.proto) and of the commands that use it.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "tests/client/command.h"
#include "tests/e2e/own_client.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {

namespace api = ::davit::v1;
using OwnImageStub = OwnClient::Stub;

inline constexpr char kFiveLayers[] = "registry.test/davit/five-layers:latest";

class OwnApi : public PodTest {
 protected:
  OwnClient& own() { return own_; }
  // Pulls the image, and returns all messages.
  std::vector<api::PullImageResponse> Pull(const std::string& reference) {
    api::PullImageRequest request;
    request.set_reference(reference);
    auto answer = own().AskAll(&OwnImageStub::Pull, request);
    EXPECT_THAT(answer, Succeeds());
    return answer.value;
  }
  void Remove(const std::string& reference) {
    v1::RemoveImageRequest request;
    request.mutable_image()->set_image(reference);
    Must(cri().Ask(&ImageStub::RemoveImage, request));
  }
  std::vector<api::Image> List(const std::string& image = "") {
    api::ListImagesRequest request;
    request.set_image(image);
    request.set_layers(true);
    std::vector<api::Image> images;
    for (const auto& message : own().AskAll(&OwnImageStub::List, request).value)
      images.insert(images.end(), message.images().begin(), message.images().end());
    return images;
  }
  api::PruneImagesResponse Prune(bool dry_run) {
    api::PruneImagesRequest request;
    request.set_all(true);
    request.set_dry_run(dry_run);
    return Must(own().Ask(&OwnImageStub::Prune, request));
  }

  // The channel of a process with these ids.
  std::shared_ptr<grpc::Channel> ConnectAs(uid_t user, gid_t group) {
    int connection = -1;
    std::thread([&] {
      syscall(SYS_setgroups, 0, nullptr);
      syscall(SYS_setresgid, group, group, -1);
      syscall(SYS_setresuid, user, user, -1);
      UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      strncpy(address.sun_path, instance().socket().c_str(), sizeof address.sun_path - 1);
      EXPECT_EQ(connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      fcntl(socket.get(), F_SETFL, O_NONBLOCK);
      connection = socket.Release();
    }).join();
    return grpc::CreateInsecureChannelFromFd("", connection);
  }

  std::string Davit(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {DAVIT_BUILD_BIN_DIR "/davit", "--address", "unix://" + instance().socket()});
    return client::MustRun(arguments);
  }

 private:
  OwnClient own_{grpc::CreateChannel("unix://" + instance().socket(), grpc::InsecureChannelCredentials())};
};

}  // namespace davit::e2e
