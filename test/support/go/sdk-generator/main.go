// A language host for `pulumi package gen-sdk` and `pulumi package add` alone: of Pulumi's own generators, as its released hosts
// have them. For machines whose language hosts are built from the last release that can be had as a Go module, which is
// older than these commands. The program's name says the language, as the engine looks it up: pulumi-language-nodejs.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	language string
}

func main() {
	language := strings.TrimPrefix(filepath.Base(os.Args[0]), "pulumi-language-")
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, &host{language: language})
			return nil
		},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// The engine reads the port from the first line.
	fmt.Println(handle.Port)
	if err := <-handle.Done; err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (*host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: "3.200.0"}, nil
}

// RunPlugin stands in for the released hosts': the same program of @pulumi/pulumi, found from the plugin's folder upwards, runs it.
func (*host) RunPlugin(
	request *pulumirpc.RunPluginRequest, server pulumirpc.LanguageRuntime_RunPluginServer,
) error {
	streams, stdout, stderr, err := rpcutil.MakeRunPluginStreams(server, false)
	if err != nil {
		return err
	}
	defer streams.Close()
	folder := request.Info.ProgramDirectory
	find := exec.Command("node", "-p", `require.resolve("@pulumi/pulumi/cmd/run-plugin")`)
	find.Dir = folder
	program, err := find.Output()
	if err != nil {
		return fmt.Errorf("no @pulumi/pulumi for the plugin in %s: %w", folder, err)
	}
	args := append([]string{strings.TrimSpace(string(program)), folder}, request.Args...)
	plugin := exec.CommandContext(server.Context(), "node", args...)
	plugin.Dir, plugin.Env, plugin.Stdout, plugin.Stderr = request.Pwd, request.Env, stdout, stderr
	return plugin.Run()
}

func (h *host) GeneratePackage(
	_ context.Context, request *pulumirpc.GeneratePackageRequest,
) (*pulumirpc.GeneratePackageResponse, error) {
	loader, err := schema.NewLoaderClient(request.LoaderTarget)
	if err != nil {
		return nil, err
	}
	defer loader.Close()
	var spec schema.PackageSpec
	if err := json.Unmarshal([]byte(request.Schema), &spec); err != nil {
		return nil, err
	}
	pkg, diagnostics, err := schema.BindSpec(spec, schema.NewCachedLoader(loader), schema.ValidationOptions{})
	if err != nil {
		return nil, err
	}
	if diagnostics.HasErrors() {
		return nil, diagnostics
	}
	files, err := h.generate(pkg, request, loader)
	if err != nil {
		return nil, err
	}
	for name, content := range files {
		path := filepath.Join(request.Directory, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return nil, err
		}
	}
	return &pulumirpc.GeneratePackageResponse{}, nil
}

func (h *host) generate(
	pkg *schema.Package, request *pulumirpc.GeneratePackageRequest, loader schema.ReferenceLoader,
) (map[string][]byte, error) {
	switch h.language {
	case "nodejs":
		files, err := nodejs.GeneratePackage(
			"pulumi-language-nodejs", pkg, request.ExtraFiles, request.LocalDependencies, request.Local, loader)
		return asWithOlderGo(files), err
	case "python":
		return python.GeneratePackage("pulumi-language-python", pkg, request.ExtraFiles, loader)
	default:
		return nil, fmt.Errorf("no generator for %q", h.language)
	}
}

// The generator takes its way up from filepath.Rel("types", ""), which was "../." until Go 1.26 cleaned it to "..": built with a
// newer Go, files in types/ would import from beside themselves. Released hosts are built with an older one.
func asWithOlderGo(files map[string][]byte) map[string][]byte {
	if way, err := filepath.Rel("types", ""); err != nil || way != ".." {
		return files
	}
	up := strings.NewReplacer(`from "./types/`, `from "../types/`, `from "./utilities"`, `from "../utilities"`)
	for name, content := range files {
		if strings.HasPrefix(name, "types/") {
			files[name] = []byte(up.Replace(string(content)))
		}
	}
	return files
}
