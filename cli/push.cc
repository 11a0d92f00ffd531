// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

#include "cli/credentials.h"
#include "cli/registry_name.h"
#include "cli/text.h"
#include "cli/transfer_display.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using Take = std::function<void(const api::PushImageResponse&)>;

Result<api::PushedImage> Push(const Session& session, const std::string& name, const Take& take) {
  std::string registry = RegistryOf(name);
  api::PushImageRequest request;
  request.set_image(name);
  std::optional<api::Credentials> credentials = TRY(FindCredentials(session, registry));
  if (credentials) *request.mutable_credentials() = *credentials;
  for (api::Credentials& source : TRY(FindSourceCredentials(session, {name})))
    *request.add_source_credentials() = std::move(source);
  api::PushedImage image;
  Result<> pushed = session.daemon.Read<api::PushImageRequest, api::PushImageResponse>(
      &OwnImageStub::Push, request,
      [&](const api::PushImageResponse& message) {
        if (message.has_image()) image = message.image();
        take(message);
      },
      CallMode::kPatient);
  if (!pushed)
    return std::unexpected(WithAdvice(std::move(pushed).error(), registry, credentials.has_value()));
  return image;
}

Result<api::PushedImage> PushShowing(const Session& session, const std::string& name, int fd) {
  TransferDisplay display(fd, Transfer::kPush);
  return Push(session, name,
              [&display](const api::PushImageResponse& message) { display.Apply(message.layers()); });
}

// The tag or digest of a reference in full.
std::string ObjectOf(const std::string& reference) {
  size_t separator = reference.find('@');
  if (separator == std::string::npos) separator = reference.rfind(':');
  return separator == std::string::npos ? "" : reference.substr(separator + 1);
}

}  // namespace

Result<int> Perform(const Session& session, const PushOptions& options) {
  const Console& console = session.console;
  bool json = console.format == OutputFormat::kJson;
  if (!json && !options.quiet) TRY(console.Print("Pushing " + Printable(options.image) + "\n"));
  api::PushedImage image =
      TRY(json || options.quiet ? Push(session, options.image, [](const api::PushImageResponse&) {})
                                : PushShowing(session, options.image, console.out));
  if (!image.warning().empty()) console.Remark(image.warning());
  if (json) {
    TRY(console.PrintJson(
        {{"image", image.reference()}, {"digest", image.digest()}, {"size", image.size()}}));
    return 0;
  }
  if (options.quiet) {
    TRY(console.Print(Printable(image.reference()) + "\n"));
    return 0;
  }
  TRY(console.Print(Printable(ObjectOf(image.reference())) + ": digest: " + Printable(image.digest()) +
                    " size: " + std::to_string(image.size()) + "\n" + Printable(image.reference()) + "\n"));
  return 0;
}

}  // namespace davit::cli
