.PHONY: demo demo-openstack test lint bench chaos setup clean
demo:  ; @scripts/demo
demo-openstack: ; @scripts/demo-openstack
test:  ; @scripts/test
lint:  ; @scripts/lint
bench: ; @scripts/bench
chaos: ; @scripts/chaos
setup: ; @scripts/setup
clean: ; rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis src/*.egg-info
