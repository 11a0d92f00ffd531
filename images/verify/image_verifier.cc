// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/verify/image_verifier.h"

#include <cstdlib>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/run_program.h"
#include "base/utf8.h"
#include "images/verify/verifier_directory.h"

namespace davit::images {
namespace {

constexpr char kMediaType[] = "application/vnd.oci.descriptor.v1+json";
constexpr size_t kMaxOutput = 32 << 10;
// The reason becomes part of an error: gRPC clients refuse a response with 8 KiB of headers.
constexpr size_t kMaxReason = 1024;

// A verifier looks up signatures in the registry: by the same proxies and CAs as the daemon, and with the
// credentials that the operator keeps at home.
constexpr const char* kPassedOn[] = {"HOME",     "HTTP_PROXY",   "HTTPS_PROXY",  "ALL_PROXY",
                                     "NO_PROXY", "http_proxy",   "https_proxy",  "all_proxy",
                                     "no_proxy", "SSL_CERT_DIR", "SSL_CERT_FILE"};

std::vector<std::string> Environment() {
  std::vector<std::string> variables = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  for (const char* name : kPassedOn) {
    if (const char* value = getenv(name)) variables.push_back(std::string(name) + "=" + value);
  }
  return variables;
}

std::string ToJson(const Descriptor& image) {
  return PrintJson({{"mediaType", image.media_type}, {"digest", image.digest}, {"size", image.size}}) + "\n";
}

std::string FileName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

void ImageVerifier::Report(VerifierNote note) const {
  if (config_.report && !note.text.empty()) config_.report(note);
}

Result<> ImageVerifier::Verify(const std::string& name, const Descriptor& image,
                               const Interrupt& interrupt) const {
  if (config_.directory.empty()) return {};
  auto allowed = AskAll(name, image, interrupt);
  if (allowed || allowed.error().code == Code::kCancelled) return allowed;
  return std::unexpected(WithReason(Reason::kSignatureValidationFailed, std::move(allowed).error()));
}

Result<> ImageVerifier::AskAll(const std::string& name, const Descriptor& image,
                               const Interrupt& interrupt) const {
  VerifierList verifiers = TRY(ListVerifiers(config_.directory, config_.max_verifiers));
  if (verifiers.absent) {
    Report({config_.directory, name, "the directory does not exist: nothing has verified the image",
            /*warning=*/true});
  }
  if (verifiers.skipped > 0) {
    Report({config_.directory, name,
            std::to_string(verifiers.skipped) + " verifiers were skipped: the limit is " +
                std::to_string(config_.max_verifiers),
            /*warning=*/true});
  }
  for (const std::string& program : verifiers.programs) TRY(Ask(program, name, image, interrupt));
  return {};
}

Result<> ImageVerifier::Ask(const std::string& program, const std::string& name, const Descriptor& image,
                            const Interrupt& interrupt) const {
  ProgramRun run;
  run.program = config_.runner;
  run.args = {program, "-name", name, "-digest", image.digest, "-stdin-media-type", kMediaType};
  run.env = Environment();
  run.input = ToJson(image);
  run.timeout_ms = config_.timeout_ms;
  run.cancelled = [&interrupt] { return !interrupt.Check(); };
  run.output_limit = kMaxOutput;
  run.long_output = LongOutput::kIsCut;
  auto outcome = RunProgram("image verifier " + FileName(program), std::move(run));
  if (!outcome) return std::unexpected(Within("verify image " + image.digest, std::move(outcome).error()));
  Report({program, name, OneLine(outcome->diagnostics, kMaxOutput)});
  std::string reason = OneLine(outcome->output, kMaxReason);
  if (outcome->status.code == 0) {
    Report({program, name, "allowed it: " + reason});
    return {};
  }
  return Fail(Code::kPermissionDenied, "verify image", image.digest,
              "verifier " + FileName(program) + " refused it with status " +
                  std::to_string(outcome->status.code) + (reason.empty() ? "" : ": ") + reason);
}

}  // namespace davit::images
